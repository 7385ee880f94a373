"""Where a migration would be, in a service that takes part in none."""

from collections.abc import Sequence
from typing import Any, Final

from fastapi import APIRouter, HTTPException

from s3py_helper.entrypoints.http.problems.route import ProblemRoute

PREFIX: Final = "/admin/migration"
HOW_TO_SWITCH_ON: Final = (
    "this deployment takes part in no migration: set S3PY_MIGRATION__LEDGER, as docs/leaving-fastdfs.md tells"
)
_METHODS: Final = ["GET", "HEAD", "POST"]


def create_switched_off_router(*, dependencies: Sequence[Any] = ()) -> APIRouter:
    """404 on all paths, with what switches them on."""
    router = APIRouter(prefix=PREFIX, dependencies=list(dependencies), route_class=ProblemRoute)

    @router.api_route("", methods=_METHODS, include_in_schema=False)
    @router.api_route("/{path:path}", methods=_METHODS, include_in_schema=False)
    async def switched_off() -> None:
        raise HTTPException(404, HOW_TO_SWITCH_ON)

    return router
