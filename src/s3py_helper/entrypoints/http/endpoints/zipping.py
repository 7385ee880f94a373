"""Fetching many files as one archive."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from s3py_helper.application.zip.options import Compression, OnError, ZipOptions
from s3py_helper.domain.files import FileDownload
from s3py_helper.entrypoints.action import Action
from s3py_helper.entrypoints.http.downloads.archive import Archives
from s3py_helper.entrypoints.http.endpoints.shared import Shared
from s3py_helper.entrypoints.http.openapi import ZIP_REQUEST, ZIP_RESPONSES, problems
from s3py_helper.entrypoints.http.services import ServesFiles


def add_zip(router: APIRouter, shared: Shared) -> None:
    """Add `POST /download-zip`."""
    archives = Archives(shared.limits)

    @router.post(
        "/download-zip",
        operation_id=shared.operation_prefix + "download_zip",
        response_class=Response,
        responses=ZIP_RESPONSES | problems(400, 403, 404, 413),
        openapi_extra=ZIP_REQUEST,
    )
    async def download_zip(
        request: Request,
        services: Annotated[ServesFiles, Depends(shared.get_services)],
        files: Annotated[list[FileDownload], Depends(archives.requested_files)],
        compression: Annotated[Compression, Query(description="`auto` leaves alone what is compressed.")] = "auto",
        on_error: Annotated[OnError, Query(description="`skip` adds a list of what is missing.")] = "raise",
        verify_first: Annotated[bool, Query(description="Look for every file before the archive begins.")] = True,  # noqa: FBT002 - FastAPI calls it
    ) -> Response:
        """A zip archive of files, written while they are read."""
        for file in files:
            await shared.access.require(request, Action.READ, file.file_id)
        options = ZipOptions(compression, on_error, verify_first)
        return archives.response(request, services.download_service, files, options)
