"""One file that goes into an archive."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from copy import copy
from dataclasses import dataclass

from s3py_helper.application.located import Located
from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.application.streams.pacing import Paced
from s3py_helper.domain.archive_name import EntryNames
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.errors import IntegrityException, StorageException
from s3py_helper.domain.object_key import name_in_key


@dataclass(frozen=True, slots=True)
class Source:
    """A file, and what is known of it beforehand.

    Attributes:
        located: The file.
        display_name: The name that the caller gave it, if any; not made safe.
        info: The description that the backend gave beforehand; what is read later must match it.
        problem: Why it cannot be read, where that was found out beforehand.
    """

    located: Located
    display_name: str | None = None
    info: BlobInfo | None = None
    problem: StorageException | None = None

    def open(self) -> AbstractAsyncContextManager[OpenBlob]:
        """The file's bytes and description, which must match an earlier one; raises what is wrong with it."""
        if self.problem is not None:
            # A copy: an error that is raised twice grows, and refers, by its traceback, to what refers to it.
            raise copy(self.problem)
        return self.located.open() if self.info is None else self._open_as_described(self.info)

    @asynccontextmanager
    async def _open_as_described(self, info: BlobInfo) -> AsyncGenerator[OpenBlob]:
        async with self.located.open() as blob:
            if blob.info.size != info.size:
                raise wrong_content(info, f"it has {blob.info.size} bytes now, {info.size} a moment ago")
            yield OpenBlob(info, blob.span, blob.body)

    def name(self, info: BlobInfo) -> str:
        """The file's name: the given one, else the one it was uploaded with, where that is known."""
        return self.display_name or info.file_name or name_in_key(self.located.file_id.key)

    def claim_name(self, names: EntryNames, info: BlobInfo) -> str:
        """The name of its entry, unique within the archive."""
        return names.claim(self.display_name) if self.display_name else names.claim_unexpected(self.name(info))


def wrong_content(info: BlobInfo, problem: str) -> IntegrityException:
    """The error for a file whose bytes do not match its description."""
    return IntegrityException(
        f"{info.file_id} is not what it was said to be: {problem}",
        operation="zip",
        file_id=str(info.file_id),
        backend=info.file_id.backend,
    )


async def entry_names(sources: Sequence[Source]) -> EntryNames:
    """The names of entries, which reserve those that callers gave."""
    names = EntryNames()
    async for source in Paced(sources):
        if source.display_name:
            names.expect(source.display_name)
    return names
