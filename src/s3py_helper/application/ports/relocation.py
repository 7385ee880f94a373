"""Where the bytes of an id are now, when they are not where the id says."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from s3py_helper.domain.file_id import FileId

type DeleteAt = Callable[[FileId], Awaitable[None]]


class Relocation(Protocol):
    """Knows which files have moved. Asked for every id before a backend is."""

    async def places(self, file_id: FileId) -> Sequence[FileId]:
        """The places to ask for an id's bytes, in order; at least one.

        Where one has no such file, the next one is asked. After any other failure it is not: a backend that is out of
        reach proves nothing about where a file is.

        Raises:
            FileNotFoundException: The file is known to have been deleted.
            StorageUnavailableException: This cannot be found out now.
        """
        ...

    def known_as(self, file_id: FileId) -> FileId | None:
        """The id under which users know what lies in a place; `None` for what is not a file of its own."""
        ...

    async def delete(self, file_id: FileId, delete_at: DeleteAt) -> None:
        """Delete a file from every place, in an order that lets no place bring it back.

        Args:
            file_id: The file.
            delete_at: Deletes it from one place; raises `FileNotFoundException` where it is not.

        Raises:
            FileNotFoundException: The file was nowhere, or is known to have been deleted.
            StorageException: It may still be somewhere.
        """
        ...


class NothingHasMoved:
    """Every file is where its id says."""

    async def places(self, file_id: FileId) -> Sequence[FileId]:
        """The id itself."""
        return (file_id,)

    def known_as(self, file_id: FileId) -> FileId | None:
        """The place itself."""
        return file_id

    async def delete(self, file_id: FileId, delete_at: DeleteAt) -> None:
        """Delete it there."""
        await delete_at(file_id)


_: type[Relocation] = NothingHasMoved
