"""What a driver offers: one file's worth of operations, as coroutines."""

# ruff: noqa: ARG002 - a store that offers nothing has no use for its arguments

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from benchmarks.child.content import CheckedSink, Source


class NotOfferedError(Exception):
    """The library has no such operation; shown as a gap, not as a failure."""


type Entry = tuple[str, str]
"""A file to pack: its id, and the name it gets in the archive."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to store: the kind of server, and what it takes to reach it."""

    kind: str
    settings: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Any:
        return self.settings[name]


class Store:
    """Ids are whatever the library calls a stored file by. A driver overrides what its library can do.

    Attributes:
        packs: False when what `zip_to` writes is no archive.
    """

    packs = True

    def id_of(self, name: str) -> str:
        """The id of a file that another client has stored under the name."""
        return name

    async def prepare(self, source: Source) -> None:
        """What an upload of the source needs that is not part of it; not measured."""

    async def put(self, name: str, content: bytes) -> str:
        raise NotOfferedError

    async def get(self, file_id: str) -> bytes:
        raise NotOfferedError

    async def info(self, file_id: str) -> int:
        """The size."""
        raise NotOfferedError

    async def delete(self, file_id: str) -> None:
        raise NotOfferedError

    async def put_many(self, files: list[tuple[str, bytes]]) -> list[str]:
        """The library's own way to store many files at once."""
        raise NotOfferedError

    async def upload(self, name: str, source: Source) -> str:
        raise NotOfferedError

    async def download(self, file_id: str, sink: CheckedSink) -> None:
        raise NotOfferedError

    async def zip_to(self, files: list[Entry], out: BinaryIO) -> None:
        raise NotOfferedError

    def zip_stream(self, files: list[Entry]) -> AsyncIterator[bytes]:
        raise NotOfferedError
