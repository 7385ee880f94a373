"""What all endpoints of a router have in common."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from s3py_helper.entrypoints.http.access.access import Access
from s3py_helper.entrypoints.http.limits.limits import Limits
from s3py_helper.entrypoints.http.services import ServesFiles

type GetServices = Callable[..., ServesFiles | Awaitable[ServesFiles]]
"""A FastAPI dependency."""


@dataclass(frozen=True, slots=True)
class Shared:
    """One router's.

    Attributes:
        get_services: Gives the services of a request.
        access: Decides who may do what.
        limits: What clients are granted.
        operation_prefix: Front of the ids of operations.
    """

    get_services: GetServices
    access: Access
    limits: Limits
    operation_prefix: str = ""
