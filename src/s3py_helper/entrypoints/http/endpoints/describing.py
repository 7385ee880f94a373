"""Describing files."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import field_serializer

from s3py_helper.domain.files import FileBasicInfo
from s3py_helper.entrypoints.action import Action
from s3py_helper.entrypoints.http.endpoints.shared import Shared
from s3py_helper.entrypoints.http.openapi import problems
from s3py_helper.entrypoints.http.services import ServesFiles


class FileInfo(FileBasicInfo):
    """A file's description as JSON."""

    @field_serializer("last_modify_time", when_used="json-unless-none")
    def _iso(self, moment: datetime) -> str:
        # `+00:00` and not pydantic's `Z`: what datetime.isoformat() gives is what clients have always read here.
        return moment.isoformat()


def add_info(router: APIRouter, shared: Shared) -> None:
    """Add `GET /{file_id}/info`."""

    @router.get(
        "/{file_id:path}/info",
        operation_id=shared.operation_prefix + "get_file_info",
        responses=problems(400, 403, 404),
    )
    @router.head("/{file_id:path}/info", include_in_schema=False)
    async def info(
        request: Request, services: Annotated[ServesFiles, Depends(shared.get_services)], file_id: str
    ) -> FileInfo:
        """What is known of a file."""
        await shared.access.require(request, Action.READ, file_id)
        return FileInfo.model_validate((await services.info_service.get_file_info(file_id)).model_dump())
