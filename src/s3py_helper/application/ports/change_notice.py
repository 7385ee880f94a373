"""Notice that a file changes in place, for whoever may have a copy of it elsewhere."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from s3py_helper.domain.file_id import FileId


class ChangeNotice(Protocol):
    """Is notified of changes before and after they are made."""

    async def require_open(self, group: str) -> None:
        """Refuse where files of the group can no longer change.

        Raises:
            RouteNotSupportedException: They are read from somewhere else.
            StorageUnavailableException: It cannot be known now.
        """
        ...

    def writing(self, file_id: FileId) -> AbstractAsyncContextManager[None]:
        """To be put around a change of the file's bytes or metadata.

        Raises:
            RouteNotSupportedException: The file can no longer change.
            StorageUnavailableException: It cannot be noted now; nothing has been changed.
        """
        ...

    async def replaced(self, old: FileId, new: FileId) -> None:
        """The file has another id now, and the old one is no longer valid."""
        ...

    async def require_new(self, file_id: FileId) -> None:
        """Refuse a file under an id that can come again, where that id has to stay deleted.

        Raises:
            InvalidArgumentException: A file of that id was deleted: nobody would find this one.
            StorageUnavailableException: It cannot be known now.
        """
        ...


class NobodyToNotice:
    """There is no copy anywhere."""

    async def require_open(self, group: str) -> None:
        """Every group is open."""

    @asynccontextmanager
    async def writing(self, file_id: FileId) -> AsyncGenerator[None]:  # noqa: ARG002 - the protocol's signature
        """Nobody is notified."""
        yield

    async def replaced(self, old: FileId, new: FileId) -> None:
        """Nobody is notified."""

    async def require_new(self, file_id: FileId) -> None:
        """No id stays deleted."""


_: type[ChangeNotice] = NobodyToNotice
