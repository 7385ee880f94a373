"""Fetching files."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from s3py_helper.entrypoints.action import Action
from s3py_helper.entrypoints.http.downloads import file
from s3py_helper.entrypoints.http.endpoints.shared import Shared
from s3py_helper.entrypoints.http.limits.slots import Slots
from s3py_helper.entrypoints.http.openapi import FILE_RESPONSES, problems
from s3py_helper.entrypoints.http.services import ServesFiles


def add_download(router: APIRouter, shared: Shared) -> None:
    """Add `GET /{file_id}/download`."""
    limits = shared.limits
    slots = Slots("downloads", limits.concurrent_downloads, share=limits.client_share, patience=limits.queue_timeout)

    @router.get(
        "/{file_id:path}/download",
        operation_id=shared.operation_prefix + "download_file",
        response_class=Response,
        responses=FILE_RESPONSES | problems(400, 403, 404, 412, 416),
    )
    @router.head("/{file_id:path}/download", include_in_schema=False)
    async def download(
        request: Request,
        services: Annotated[ServesFiles, Depends(shared.get_services)],
        file_id: str,
        inline: Annotated[bool, Query(description="Let browsers show it, where that is safe.")] = False,  # noqa: FBT002 - FastAPI calls it
    ) -> Response:
        """The bytes of a file. `Range`, `If-Range` and the conditions of RFC 9110 are understood."""
        await shared.access.require(request, Action.READ, file_id)
        return await file.download(
            request,
            services.download_service,
            file_id,
            inline=inline,
            idle_timeout=limits.idle_timeout,
            slots=slots,
        )
