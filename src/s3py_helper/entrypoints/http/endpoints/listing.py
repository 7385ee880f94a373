"""Enumerating files."""

from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from s3py_helper.application.listing import DEFAULT_PAGE, LARGEST_PAGE
from s3py_helper.entrypoints.action import Action
from s3py_helper.entrypoints.http.endpoints.describing import FileInfo
from s3py_helper.entrypoints.http.endpoints.shared import Shared
from s3py_helper.entrypoints.http.openapi import problems
from s3py_helper.entrypoints.http.services import ServesFiles

_PAGE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "headers": {
            "Link": {
                "description": 'Where it goes on: `<?...>; rel="next"`, relative to this request (RFC 8288).',
                "schema": {"type": "string"},
            }
        }
    }
}


class FileList(BaseModel, use_attribute_docstrings=True):
    """A part of a listing."""

    files: list[FileInfo]
    """Files in the order of their keys."""
    cursor: str | None
    """Continues the listing; null at its end."""


def add_list(router: APIRouter, shared: Shared) -> None:
    """Add `GET` of the files as a whole."""
    # A router without a prefix of its own has no empty path.
    path = "" if router.prefix else "/"

    @router.get(path, operation_id=shared.operation_prefix + "list_files", responses=_PAGE | problems(400, 403))
    @router.head(path, include_in_schema=False)
    async def list_files(
        request: Request,
        response: Response,
        services: Annotated[ServesFiles, Depends(shared.get_services)],
        prefix: Annotated[str, Query(description="How the object keys begin.")] = "",
        bucket: Annotated[str | None, Query(description="What to list instead of the default bucket.")] = None,
        cursor: Annotated[str | None, Query(description="What the page before gave.")] = None,
        limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="Most files of a page.")] = DEFAULT_PAGE,
    ) -> FileList:
        """Files in the order of their keys. What a listing does not tell is null; `info` knows it."""
        await shared.access.require(request, Action.LIST)
        page = await services.list_service.list_page(prefix, bucket, cursor=cursor, limit=limit)
        if page.cursor is not None:
            given = {"prefix": prefix or None, "bucket": bucket, "limit": limit, "cursor": page.cursor}
            query = urlencode({name: value for name, value in given.items() if value is not None})
            # Relative, so that it is right behind every proxy (RFC 3986, 5.2.2).
            response.headers["Link"] = f'<?{query}>; rel="next"'
        return FileList.model_validate(page.model_dump())
