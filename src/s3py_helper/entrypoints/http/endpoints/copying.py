"""Copying files."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from s3py_helper.domain.files import FileAttach
from s3py_helper.entrypoints.action import Action
from s3py_helper.entrypoints.http.endpoints.location import location_of
from s3py_helper.entrypoints.http.endpoints.shared import Shared
from s3py_helper.entrypoints.http.openapi import created, problems
from s3py_helper.entrypoints.http.services import ServesFiles, copy_service_of


def add_copy(router: APIRouter, shared: Shared) -> None:
    """Add `POST /{file_id}/copy`."""

    @router.post(
        "/{file_id:path}/copy",
        status_code=201,
        operation_id=shared.operation_prefix + "copy_file",
        responses=created("The copy is stored") | problems(400, 403, 404),
    )
    async def copy(
        request: Request,
        response: Response,
        services: Annotated[ServesFiles, Depends(shared.get_services)],
        file_id: str,
        file_name: Annotated[str | None, Query(description="What the copy is called.")] = None,
        folder: Annotated[str | None, Query(description="Front of the copy's object key.")] = None,
        bucket: Annotated[str | None, Query(description="Where to store it instead of the default bucket.")] = None,
    ) -> FileAttach:
        """Store a file a second time where new files go, whichever backend holds it."""
        await shared.access.require(request, Action.READ, file_id)
        await shared.access.require(request, Action.WRITE)
        attach = await copy_service_of(services).copy_file(file_id, file_name, folder, bucket)
        response.headers["Location"] = location_of(request, f"/{file_id}/copy", attach)
        return attach
