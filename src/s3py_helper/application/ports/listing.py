"""The optional ability to enumerate files."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from s3py_helper.domain.blob import BlobInfo


class Listing(Protocol):
    """A backend that can list what it holds."""

    def list(
        self, prefix: str = "", *, bucket: str | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[BlobInfo]]:
        """Files whose keys begin with `prefix`, in the order of their keys; fields that a listing lacks are `None`."""
        ...
