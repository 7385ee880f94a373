"""What clients may ask of a migration."""

from contextlib import aclosing
from typing import Annotated, Any, Final

from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError, WithJsonSchema

from s3py_helper.application.migration.limits_change import LimitsChange
from s3py_helper.domain.migration import Route
from s3py_helper.entrypoints.http.limits.arriving_body import arriving_body
from s3py_helper.entrypoints.http.limits.limits import Limits

_LARGEST: Final = (1 << 53) - 1
"""What every client of JSON can write exactly (RFC 8259, 6)."""

_LARGEST_BODY: Final = 256 * 1024
_MOST_IDS: Final = 1000
_LONGEST_ID: Final = 512

INVALID: Final[dict[int | str, dict[str, Any]]] = {422: {"description": "A field is missing or wrong"}}
"""Says that a request may be refused; how it is described is the application's business."""

type _Limit = Annotated[int | None, Field(ge=0, le=_LARGEST, strict=True)]


class LimitsRequest(BaseModel, use_attribute_docstrings=True, extra="forbid"):
    """Limits to change; those that are left out stay as they are, and 0 or `null` takes one away."""

    bytes_per_second: _Limit = None
    """Of all workers together."""
    files_per_second: _Limit = None
    """Of all workers together."""
    concurrency: _Limit = None
    """Small files that each worker copies at once."""

    @property
    def change(self) -> LimitsChange:
        """The same for the use case."""
        given = {name: getattr(self, name) or 0 for name in self.model_fields_set}
        return LimitsChange(given.get("bytes_per_second"), given.get("files_per_second"), given.get("concurrency"))


type _Ids = list[Annotated[str, Field(max_length=_LONGEST_ID)]]


class RetryRequest(BaseModel, use_attribute_docstrings=True, extra="forbid"):
    """Which quarantined files shall be planned again; without a body all are."""

    file_ids: _Ids = Field(min_length=1, max_length=_MOST_IDS)
    """Only these. Those that are not quarantined stay as they are."""


class RouteRequest(BaseModel, use_attribute_docstrings=True, extra="forbid"):
    """Where the old ids of a group shall be read."""

    # Written out: a reference would lead nowhere in the description of a body.
    route: Annotated[Route, WithJsonSchema({"type": "string", "enum": list(Route)})]
    accept_incomplete: bool = False
    """Go on although no listing of the group was whole."""
    accept_quarantine: _Ids = Field(default=[], max_length=_MOST_IDS)
    """Ids of quarantined files that may be lost."""


class RequestBodies:
    """Reads bodies of requests, once it is known that their senders may make them.

    Args:
        limits: How fast bodies have to come.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    async def read[Body: BaseModel](self, request: Request, kind: type[Body]) -> Body:
        """The body.

        Raises:
            RequestValidationError: It is not of that kind.
            HTTPException: It is no JSON, or too large.
        """
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            raise HTTPException(415, f"expected a body of type application/json, got {media_type!r}")
        body = bytearray()
        patience = {"idle_timeout": self._limits.idle_timeout, "min_rate": self._limits.min_upload_rate}
        async with aclosing(arriving_body(request, **patience)) as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) > _LARGEST_BODY:
                    raise HTTPException(413, f"the body has more than {_LARGEST_BODY} bytes")
        try:
            return kind.model_validate_json(body)
        except ValidationError as error:
            errors = [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors()]
            raise RequestValidationError(errors) from error


def described(kind: type[BaseModel], *, required: bool = True) -> dict[str, Any]:
    """The description of such a body."""
    return {
        "requestBody": {"required": required, "content": {"application/json": {"schema": kind.model_json_schema()}}}
    }
