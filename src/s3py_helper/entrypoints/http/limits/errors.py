"""Requests that the limits do not let through."""

from typing import override

from s3py_helper.domain.errors import InvalidArgumentException, StorageUnavailableException


class ServiceBusyException(StorageUnavailableException):
    """Everything is taken that the request needs; it may be repeated."""

    @property
    @override
    def detail(self) -> str:
        """The message: it is about the limits of the service, which are no secret."""
        return str(self)


class RequestTimedOutException(InvalidArgumentException):
    """The client has sent its request too slowly, or not at all."""
