"""Requests whose links permit them: no token is needed, and none is looked at."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from fastapi import APIRouter, Depends, HTTPException, Request, Response

from s3py_helper.application.service_links import SIGNED_PATH, ReadGrant, WriteGrant, required
from s3py_helper.domain.errors import FileTooLargeException, InvalidFileTypeException
from s3py_helper.domain.files import FileAttach
from s3py_helper.entrypoints.http.downloads.delivery import Delivery, DownloadOptions
from s3py_helper.entrypoints.http.downloads.file import file_response
from s3py_helper.entrypoints.http.downloads.file_headers import Presentation
from s3py_helper.entrypoints.http.limits.limits import Limits
from s3py_helper.entrypoints.http.media_types import may_show_inline, media_type
from s3py_helper.entrypoints.http.openapi import FILE_RESPONSES, RAW_BODY, problems
from s3py_helper.entrypoints.http.problems.route import ProblemRoute
from s3py_helper.entrypoints.http.services import ServesLinks, current_services
from s3py_helper.entrypoints.http.uploads.arrival import Arrival, UploadSlots
from s3py_helper.entrypoints.http.uploads.raw import RawUpload

# The link is a secret for a while: shared caches do not keep what it leads to, and no page is told of it.
_SECRET: Final = {"Cache-Control": "private, no-cache", "Referrer-Policy": "no-referrer"}


def create_signed_router(
    get_services: Callable[..., ServesLinks | Awaitable[ServesLinks]] = current_services,
    *,
    prefix: str = SIGNED_PATH,
    limits: Limits | None = None,
) -> APIRouter:
    """Endpoints for the links that `link_service` signs (`service_link`, `service_upload_link`).

    Args:
        get_services: As for `create_files_router`.
        prefix: Front of all paths.
        limits: What clients are granted.
    """
    limits = limits or Limits()
    router = APIRouter(prefix=prefix, tags=["signed links"], route_class=ProblemRoute, redirect_slashes=False)
    delivery = Delivery.of(limits, DownloadOptions(cache_control=_SECRET["Cache-Control"]))
    slots = UploadSlots(limits)

    @router.get(
        "/{file_id:path}",
        operation_id="download_signed",
        response_class=Response,
        responses=FILE_RESPONSES | problems(400, 403, 404, 412, 416),
    )
    @router.head("/{file_id:path}", include_in_schema=False)
    async def download(
        request: Request, services: Annotated[ServesLinks, Depends(get_services)], file_id: str
    ) -> Response:
        """The bytes of a file, by a link that permits it. Ranges and the conditions of RFC 9110 are understood."""
        grant = required(services.link_service.service_links).read_grant(file_id, request.url.query)
        return await file_response(request.scope, services.download_service, file_id, delivery, _presentation(grant))

    @router.put(
        "/{file_name}",
        status_code=201,
        operation_id="upload_signed",
        responses=problems(400, 403, 411, 413, 415),
        openapi_extra=RAW_BODY,
    )
    async def upload(
        request: Request, services: Annotated[ServesLinks, Depends(get_services)], file_name: str
    ) -> FileAttach:
        """Store the body as a new file, by a link that permits it."""
        grant = required(services.link_service.service_links).write_grant(file_name, request.url.query)
        arrival = Arrival(request, limits, slots)
        _require_bounds(grant, request, arrival.declared)
        upload = RawUpload(request, arrival, services.upload_service, folder=grant.folder, bucket=grant.bucket)
        return await upload.store(file_name)

    return router


def _presentation(grant: ReadGrant) -> Presentation:
    inline = grant.inline and (grant.content_type is None or may_show_inline(grant.content_type))
    told = {} if grant.content_type is None else {"Content-Type": media_type(grant.content_type)}
    return Presentation(inline=inline, file_name=grant.file_name, more_headers=_SECRET | told)


def _require_bounds(grant: WriteGrant, request: Request, size: int | None) -> None:
    """Look at what the request declares, before a byte of its body is taken; the server holds it to its length."""
    if size is None:
        raise HTTPException(411, "an upload by a link says how long it is: send Content-Length")
    if grant.max_size is not None and size > grant.max_size:
        raise FileTooLargeException(
            f"this link permits {grant.max_size} bytes, the request has {size}", limit=grant.max_size
        )
    sent = request.headers.get("content-type", "")
    if grant.content_type is not None and sent.lower() != grant.content_type.lower():
        raise InvalidFileTypeException(f"this link permits the type {grant.content_type} only", operation="upload")
