"""Signing links."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from s3py_helper.entrypoints.action import Action
from s3py_helper.entrypoints.http.endpoints.shared import Shared
from s3py_helper.entrypoints.http.openapi import problems
from s3py_helper.entrypoints.http.services import ServesFiles, link_service_of

_HOUR: Final = 3600
_LONGEST: Final = 366 * 24 * _HOUR


class SignedLink(BaseModel, use_attribute_docstrings=True):
    """A link, which works for everybody who has it."""

    url: str
    """Where to send the request; a path on the host of this service unless it knows its own address."""
    method: str
    """`GET` (and `HEAD`), or `PUT`."""
    headers: dict[str, str]
    """Headers that the request must carry."""
    expires_at: datetime
    """Until when it works."""


class _LinkRequest(BaseModel, use_attribute_docstrings=True):
    expires_in: int = Field(default=_HOUR, ge=1, le=_LONGEST)
    """How many seconds the link works."""
    content_type: str | None = None
    """For a file: the type that the response has instead. For a new file: the only type that it may be sent with."""
    direct: bool = False
    """Lead to the backend itself, where that signs links (S3)."""

    @property
    def lifetime(self) -> timedelta:
        return timedelta(seconds=self.expires_in)

    def link(self, url: str, method: str, headers: dict[str, str] | None = None) -> SignedLink:
        return SignedLink(url=url, method=method, headers=headers or {}, expires_at=datetime.now(UTC) + self.lifetime)


class ReadLinkRequest(_LinkRequest):
    """What a link to a file shall be like."""

    file_name: str | None = None
    """What browsers call the file."""
    inline: bool = False
    """Let browsers show it, where that is safe."""


class WriteLinkRequest(_LinkRequest):
    """What a link for a new file shall be like."""

    file_name: str
    """What the file is called."""
    folder: str | None = None
    """Front of the object key."""
    bucket: str | None = None
    """Where to store instead of the default bucket."""
    max_size: int | None = Field(default=None, ge=0)
    """Most bytes that it may have; a direct link bounds none."""


def add_links(router: APIRouter, shared: Shared) -> None:
    """Add `POST /{file_id}/links` and `POST /upload-links`."""

    @router.post(
        "/{file_id:path}/links",
        status_code=201,
        operation_id=shared.operation_prefix + "create_link",
        responses=problems(400, 403),
    )
    async def create_link(
        request: Request,
        response: Response,
        services: Annotated[ServesFiles, Depends(shared.get_services)],
        file_id: str,
        requested: Annotated[ReadLinkRequest, Query()],
    ) -> SignedLink:
        """A link with which anybody can fetch the file. Whether there is one is not checked."""
        for action in (Action.LINK, Action.READ):
            await shared.access.require(request, action, file_id)
        links = link_service_of(services)
        sign = links.download_link if requested.direct else links.service_link
        url = await sign(
            file_id,
            requested.lifetime,
            file_name=requested.file_name,
            content_type=requested.content_type,
            inline=requested.inline,
        )
        response.headers["Cache-Control"] = "no-store"
        return requested.link(url, "GET")

    @router.post(
        "/upload-links",
        status_code=201,
        operation_id=shared.operation_prefix + "create_upload_link",
        responses=problems(400, 403),
    )
    async def create_upload_link(
        request: Request,
        response: Response,
        services: Annotated[ServesFiles, Depends(shared.get_services)],
        requested: Annotated[WriteLinkRequest, Query()],
    ) -> SignedLink:
        """A link with which anybody can store a file of that name."""
        for action in (Action.LINK, Action.WRITE):
            await shared.access.require(request, action)
        response.headers["Cache-Control"] = "no-store"
        links, kind = link_service_of(services), requested.content_type
        if requested.direct:
            link = await links.upload_link(
                requested.file_name, requested.lifetime, requested.folder, requested.bucket, content_type=kind
            )
            return requested.link(link.url, "PUT", link.headers)
        url = links.service_upload_link(
            requested.file_name,
            requested.lifetime,
            requested.folder,
            requested.bucket,
            content_type=kind,
            max_size=requested.max_size,
        )
        return requested.link(url, "PUT", None if kind is None else {"Content-Type": kind})
