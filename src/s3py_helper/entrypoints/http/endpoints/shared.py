"""What all endpoints of a router have in common."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from s3py_helper.entrypoints.http.access.access import Access
from s3py_helper.entrypoints.http.downloads.delivery import Delivery
from s3py_helper.entrypoints.http.limits.limits import Limits
from s3py_helper.entrypoints.http.services import ServesFiles


@dataclass(frozen=True, slots=True)
class Shared:
    """One router's.

    Attributes:
        get_services: A FastAPI dependency that gives the services.
        access: Decides who may do what.
        limits: What clients are granted.
        delivery: How files are sent.
        operation_prefix: Front of the ids of operations.
    """

    get_services: Callable[..., ServesFiles | Awaitable[ServesFiles]]
    access: Access
    limits: Limits
    delivery: Delivery
    operation_prefix: str = ""
