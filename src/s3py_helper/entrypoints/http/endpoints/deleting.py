"""Removing files."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from s3py_helper.entrypoints.action import Action
from s3py_helper.entrypoints.http.endpoints.shared import Shared
from s3py_helper.entrypoints.http.openapi import problems
from s3py_helper.entrypoints.http.services import ServesFiles


def add_delete(router: APIRouter, shared: Shared) -> None:
    """Add `DELETE /{file_id}`."""

    @router.delete(
        "/{file_id:path}",
        operation_id=shared.operation_prefix + "delete_file",
        responses=problems(400, 403, 404),
    )
    async def delete(
        request: Request, services: Annotated[ServesFiles, Depends(shared.get_services)], file_id: str
    ) -> dict[str, str]:
        """Remove a file."""
        await shared.access.require(request, Action.DELETE, file_id)
        await services.delete_service.delete_file(file_id)
        return {"detail": "deleted"}
