"""The endpoints for files, to mount in any FastAPI application."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import field_serializer

from s3py_helper.application.zip.options import OnError, ZipOptions
from s3py_helper.application.zip.policy import Compression
from s3py_helper.domain.files import FileAttach, FileBasicInfo, FileDownload
from s3py_helper.entrypoints.http.downloads import archive, file
from s3py_helper.entrypoints.http.limits.limits import Limits
from s3py_helper.entrypoints.http.limits.slots import Slots
from s3py_helper.entrypoints.http.openapi import FILE_RESPONSES, ZIP_REQUEST, ZIP_RESPONSES, form_with, problems
from s3py_helper.entrypoints.http.problems.route import ProblemRoute
from s3py_helper.entrypoints.http.services import ServesFiles, current_services
from s3py_helper.entrypoints.http.uploads.intake import BATCH_FIELD, SINGLE_FIELD, Uploads, UploadSlots

DEFAULT_LIMITS: Final = Limits()


class FileInfo(FileBasicInfo):
    """A file's description as JSON."""

    @field_serializer("last_modify_time", when_used="json-unless-none")
    def _iso(self, moment: datetime) -> str:
        # `+00:00` and not pydantic's `Z`: what datetime.isoformat() gives is what clients have always read here.
        return moment.isoformat()


def create_files_router(
    get_services: Callable[..., ServesFiles | Awaitable[ServesFiles]] = current_services,
    *,
    prefix: str = "/files",
    tags: Sequence[str | Enum] = ("files",),
    dependencies: Sequence[Any] = (),
    limits: Limits = DEFAULT_LIMITS,
    operation_prefix: str = "",
) -> APIRouter:
    """Endpoints that upload, download, describe and delete files.

    ```python
    app.include_router(create_files_router(lambda: manager, dependencies=[Depends(logged_in)]))
    ```

    Args:
        get_services: A FastAPI dependency that gives `FileServices`, an open `StorageManager`, or the like; by default
            what the lifespan of the application has opened.
        prefix: Front of all paths.
        tags: Groups in the description of the interface.
        dependencies: Run before every endpoint, and before a byte of the body is read: for authorization.
        limits: What clients are granted.
        operation_prefix: Front of the ids of operations (`upload_file`, ...) in the description of the interface, for
            an application that includes several of these routers: ids are unique (OpenAPI 3.1, 4.8.10).

    Errors of storage are answered as `application/problem+json`, unless the application has a handler for them.
    """
    router = APIRouter(
        prefix=prefix,
        tags=list(tags),
        dependencies=list(dependencies),
        route_class=ProblemRoute,
        redirect_slashes=False,
    )
    upload_slots = UploadSlots(limits)
    download_slots = Slots(
        "downloads", limits.concurrent_downloads, share=limits.client_share, patience=limits.queue_timeout
    )
    archives = archive.Archives(limits)

    def uploads(
        request: Request,
        services: Annotated[ServesFiles, Depends(get_services)],
        folder: Annotated[str | None, Query(description="Front of the object key.")] = None,
        bucket: Annotated[str | None, Query(description="Where to store instead of the default bucket.")] = None,
    ) -> Uploads:
        return Uploads(request, services.upload_service, limits, upload_slots, folder=folder, bucket=bucket)

    @router.post(
        "/upload",
        operation_id=operation_prefix + "upload_file",
        responses=problems(400, 403, 413),
        openapi_extra=form_with(SINGLE_FIELD),
    )
    async def upload(uploads: Annotated[Uploads, Depends(uploads)]) -> FileAttach:
        """Store the file of the form field `file`."""
        return await uploads.store_one()

    @router.post(
        "/batch-upload",
        operation_id=operation_prefix + "upload_files",
        responses=problems(400, 403, 413),
        openapi_extra=form_with(BATCH_FIELD, several=True),
    )
    async def batch_upload(uploads: Annotated[Uploads, Depends(uploads)]) -> list[FileAttach]:
        """Store all files of the form fields `files`, or none."""
        return await uploads.store_all()

    @router.get(
        "/{file_id:path}/download",
        operation_id=operation_prefix + "download_file",
        response_class=Response,
        responses=FILE_RESPONSES | problems(400, 403, 404, 412, 416),
    )
    @router.head("/{file_id:path}/download", include_in_schema=False)
    async def download(
        request: Request,
        services: Annotated[ServesFiles, Depends(get_services)],
        file_id: str,
        inline: Annotated[bool, Query(description="Let browsers show it, where that is safe.")] = False,  # noqa: FBT002 - FastAPI calls it
    ) -> Response:
        """The bytes of a file. `Range`, `If-Range` and the conditions of RFC 9110 are understood."""
        return await file.download(
            request,
            services.download_service,
            file_id,
            inline=inline,
            idle_timeout=limits.idle_timeout,
            slots=download_slots,
        )

    @router.post(
        "/download-zip",
        operation_id=operation_prefix + "download_zip",
        response_class=Response,
        responses=ZIP_RESPONSES | problems(400, 403, 404, 413),
        openapi_extra=ZIP_REQUEST,
    )
    async def download_zip(
        request: Request,
        services: Annotated[ServesFiles, Depends(get_services)],
        files: Annotated[list[FileDownload], Depends(archives.requested_files)],
        compression: Annotated[Compression, Query(description="`auto` leaves alone what is compressed.")] = "auto",
        on_error: Annotated[OnError, Query(description="`skip` adds a list of what is missing.")] = "raise",
        verify_first: Annotated[bool, Query(description="Look for every file before the archive begins.")] = True,  # noqa: FBT002 - FastAPI calls it
    ) -> Response:
        """A zip archive of files, written while they are read."""
        options = ZipOptions(compression, on_error, verify_first)
        return archives.response(request, services.download_service, files, options)

    @router.get(
        "/{file_id:path}/info", operation_id=operation_prefix + "get_file_info", responses=problems(400, 403, 404)
    )
    @router.head("/{file_id:path}/info", include_in_schema=False)
    async def info(services: Annotated[ServesFiles, Depends(get_services)], file_id: str) -> FileInfo:
        """What is known of a file."""
        return FileInfo.model_validate((await services.info_service.get_file_info(file_id)).model_dump())

    @router.delete("/{file_id:path}", operation_id=operation_prefix + "delete_file", responses=problems(400, 403, 404))
    async def delete(services: Annotated[ServesFiles, Depends(get_services)], file_id: str) -> dict[str, str]:
        """Remove a file."""
        await services.delete_service.delete_file(file_id)
        return {"detail": "deleted"}

    return router
