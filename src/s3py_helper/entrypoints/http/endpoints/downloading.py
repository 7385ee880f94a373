"""Fetching files."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from s3py_helper.entrypoints.action import Action
from s3py_helper.entrypoints.http.downloads.file import file_response
from s3py_helper.entrypoints.http.downloads.file_headers import Presentation
from s3py_helper.entrypoints.http.endpoints.shared import Shared
from s3py_helper.entrypoints.http.openapi import FILE_RESPONSES, problems
from s3py_helper.entrypoints.http.services import ServesFiles, links_of


def add_download(router: APIRouter, shared: Shared) -> None:
    """Add `GET /{file_id}/download` and, for short, `GET /{file_id}`."""
    responses = FILE_RESPONSES | problems(400, 403, 404, 412, 416)

    async def download(
        request: Request,
        services: Annotated[ServesFiles, Depends(shared.get_services)],
        file_id: str,
        inline: Annotated[bool, Query(description="Let browsers show it, where that is safe.")] = False,  # noqa: FBT002 - FastAPI calls it
    ) -> Response:
        """The bytes of a file. Ranges and the conditions of RFC 9110 are understood."""
        await shared.access.require(request, Action.READ, file_id)
        return await file_response(
            request.scope,
            services.download_service,
            file_id,
            shared.delivery,
            Presentation(inline=inline),
            links=links_of(services),
        )

    for path, operation in (("/{file_id:path}/download", "download_file"), ("/{file_id:path}", "get_file")):
        operation_id = shared.operation_prefix + operation
        router.get(path, operation_id=operation_id, response_class=Response, responses=responses)(download)
        router.head(path, include_in_schema=False)(download)
