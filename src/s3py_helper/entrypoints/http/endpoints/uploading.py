"""Storing files."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from s3py_helper.domain.files import FileAttach
from s3py_helper.entrypoints.action import Action
from s3py_helper.entrypoints.http.endpoints.shared import Shared
from s3py_helper.entrypoints.http.openapi import form_with, problems
from s3py_helper.entrypoints.http.services import ServesFiles
from s3py_helper.entrypoints.http.uploads.intake import BATCH_FIELD, SINGLE_FIELD, Uploads, UploadSlots


def add_uploads(router: APIRouter, shared: Shared) -> None:
    """Add `POST /upload` and `POST /batch-upload`."""
    slots = UploadSlots(shared.limits)

    async def permitted_uploads(
        request: Request,
        services: Annotated[ServesFiles, Depends(shared.get_services)],
        folder: Annotated[str | None, Query(description="Front of the object key.")] = None,
        bucket: Annotated[str | None, Query(description="Where to store instead of the default bucket.")] = None,
    ) -> Uploads:
        await shared.access.require(request, Action.WRITE)
        return Uploads(request, services.upload_service, shared.limits, slots, folder=folder, bucket=bucket)

    @router.post(
        "/upload",
        operation_id=shared.operation_prefix + "upload_file",
        responses=problems(400, 403, 413),
        openapi_extra=form_with(SINGLE_FIELD),
    )
    async def upload(uploads: Annotated[Uploads, Depends(permitted_uploads)]) -> FileAttach:
        """Store the file of the form field `file`."""
        return await uploads.store_one()

    @router.post(
        "/batch-upload",
        operation_id=shared.operation_prefix + "upload_files",
        responses=problems(400, 403, 413),
        openapi_extra=form_with(BATCH_FIELD, several=True),
    )
    async def batch_upload(uploads: Annotated[Uploads, Depends(permitted_uploads)]) -> list[FileAttach]:
        """Store all files of the form fields `files`, or none."""
        return await uploads.store_all()
