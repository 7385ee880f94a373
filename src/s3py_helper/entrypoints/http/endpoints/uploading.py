"""Storing files."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel

from s3py_helper.domain.files import FileAttach
from s3py_helper.entrypoints.action import Action
from s3py_helper.entrypoints.http.endpoints.location import location_of
from s3py_helper.entrypoints.http.endpoints.shared import Shared
from s3py_helper.entrypoints.http.openapi import RAW_BODY, created, form_with, problems
from s3py_helper.entrypoints.http.problems.response import storage_members
from s3py_helper.entrypoints.http.services import ServesFiles
from s3py_helper.entrypoints.http.uploads.arrival import Arrival, UploadSlots
from s3py_helper.entrypoints.http.uploads.intake import BATCH_FIELD, SINGLE_FIELD, Uploads
from s3py_helper.entrypoints.http.uploads.raw import RawUpload

_Folder = Annotated[str | None, Query(description="Front of the object key.")]
_Bucket = Annotated[str | None, Query(description="Where to store instead of the default bucket.")]


class BatchOutcome(BaseModel, use_attribute_docstrings=True):
    """What became of one file of a form."""

    file: FileAttach | None = None
    """The file that was stored."""
    problem: dict[str, Any] | None = None
    """Why it was not (RFC 9457)."""


def add_uploads(router: APIRouter, shared: Shared) -> None:
    """Add `POST` of the files as a whole, `PUT /{file_name}`, `POST /upload` and `POST /batch-upload`."""
    slots = UploadSlots(shared.limits)

    async def permitted_uploads(
        request: Request,
        services: Annotated[ServesFiles, Depends(shared.get_services)],
        folder: _Folder = None,
        bucket: _Bucket = None,
    ) -> Uploads:
        await shared.access.require(request, Action.WRITE)
        return Uploads(request, services.upload_service, shared.limits, slots, folder=folder, bucket=bucket)

    async def permitted_upload(
        request: Request,
        services: Annotated[ServesFiles, Depends(shared.get_services)],
        folder: _Folder = None,
        bucket: _Bucket = None,
    ) -> RawUpload:
        await shared.access.require(request, Action.WRITE)
        arrival = Arrival(request, shared.limits, slots)
        return RawUpload(request, arrival, services.upload_service, folder=folder, bucket=bucket)

    @router.post(
        "/upload",
        operation_id=shared.operation_prefix + "upload_file",
        responses=problems(400, 403, 413, 415),
        openapi_extra=form_with(SINGLE_FIELD),
    )
    async def upload(uploads: Annotated[Uploads, Depends(permitted_uploads)]) -> FileAttach:
        """Store the file of the form field `file`."""
        return await uploads.store_one()

    @router.post(
        "/batch-upload",
        operation_id=shared.operation_prefix + "upload_files",
        responses=problems(400, 403, 413, 415),
        openapi_extra=form_with(BATCH_FIELD, several=True),
    )
    async def batch_upload(
        uploads: Annotated[Uploads, Depends(permitted_uploads)],
        each: Annotated[bool, Query(description="Store what can be stored, and tell of each file.")] = False,  # noqa: FBT002 - FastAPI calls it
    ) -> list[FileAttach] | list[BatchOutcome]:
        """Store all files of the form fields `files`, or none; with `each`, each for itself."""
        if not each:
            return await uploads.store_all()
        return [
            BatchOutcome(file=outcome)
            if isinstance(outcome, FileAttach)
            else BatchOutcome(problem=storage_members(outcome))
            for outcome in await uploads.store_each()
        ]

    @router.post(
        # A router without a prefix of its own has no empty path.
        "" if router.prefix else "/",
        status_code=201,
        operation_id=shared.operation_prefix + "create_file",
        responses=created("The file is stored") | problems(400, 403, 413, 415),
        openapi_extra=RAW_BODY,
    )
    async def create(
        request: Request, response: Response, upload: Annotated[RawUpload, Depends(permitted_upload)]
    ) -> FileAttach:
        """Store the body, whose name is in `Content-Disposition`."""
        attach = await upload.store()
        response.headers["Location"] = location_of(request, "", attach)
        return attach

    @router.put(
        "/{file_name}",
        status_code=201,
        operation_id=shared.operation_prefix + "put_file",
        responses=created("The file is stored") | problems(400, 403, 412, 413, 415, 428),
        openapi_extra=RAW_BODY,
    )
    async def put(
        request: Request,
        response: Response,
        file_name: Annotated[str, Path(description="What the file is called.")],
        upload: Annotated[RawUpload, Depends(permitted_upload)],
        as_key: Annotated[  # noqa: FBT002 - FastAPI calls it
            bool, Query(description="Let folder and name be the key, and send `If-None-Match: *`: 412 where one is.")
        ] = False,
    ) -> FileAttach:
        """Store the body as a new file of this name. It never replaces another: its id is its own."""
        if as_key:
            await shared.access.require(request, Action.NAME)
        attach = await upload.store(file_name, as_key=as_key)
        response.headers["Location"] = location_of(request, f"/{file_name}", attach)
        return attach
