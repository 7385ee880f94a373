"""Errors as `application/problem+json` (RFC 9457)."""

import math
from collections.abc import Mapping
from typing import Final

from starlette.responses import JSONResponse

from s3py_helper.domain.errors import InvalidRangeException, StorageException, StorageUnavailableException
from s3py_helper.entrypoints.http.problems.table import Problem, problem_of

RETRY_AFTER: Final = 5.0
"""Seconds that clients are asked to wait when the backend named no time."""

# A detail may hold what a client wrote; browsers that guess types must not take it for a page.
_SAFE: Final[Mapping[str, str]] = {"X-Content-Type-Options": "nosniff"}


class ProblemResponse(JSONResponse):
    """A problem; members whose value is `None` are left out."""

    media_type = "application/problem+json"

    def __init__(
        self, problem: Problem, detail: str, *, headers: Mapping[str, str] | None = None, **facts: object
    ) -> None:
        super().__init__(_members(problem, detail, facts), problem.status, {**_SAFE, **(headers or {})})


def storage_problem(error: StorageException, detail: str | None = None) -> ProblemResponse:
    """The response to an error of the tree, with those of its facts that the client knows, or with another detail."""
    return ProblemResponse(problem_of(error), detail or error.detail, headers=_headers_of(error), **_facts_of(error))


def storage_members(error: StorageException) -> dict[str, object]:
    """The members of the same problem, for a response that has several."""
    return _members(problem_of(error), error.detail, _facts_of(error))


def _members(problem: Problem, detail: str, facts: Mapping[str, object]) -> dict[str, object]:
    members = {"type": problem.uri, "title": problem.title, "status": problem.status, "detail": detail, **facts}
    return {name: value for name, value in members.items() if value is not None}


def _facts_of(error: StorageException) -> dict[str, object]:
    return {
        "file_id": error.file_id,
        "file_name": error.file_name,
        "operation": error.operation,
        "retryable": error.retryable,
    }


def _headers_of(error: StorageException) -> dict[str, str]:
    match error:
        case StorageUnavailableException():
            seconds = RETRY_AFTER if error.retry_after is None else error.retry_after
            return {"Retry-After": str(max(0, math.ceil(seconds)))}
        case InvalidRangeException(size=int(size)):
            return {"Content-Range": f"bytes */{size}"}
        case _:
            return {}
