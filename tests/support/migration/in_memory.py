"""FastDFS and S3 as a migration sees them, in memory: they keep the promises of their ports, and count what is open."""

import base64
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from isal import isal_zlib

from s3py_helper.application.ports.migration_source import SourceFacts, SourceGroup, SourceMetadata, SourceServer
from s3py_helper.application.ports.migration_target import NewObject, PartDone, TargetAbilities, TargetObject
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import (
    FileNotFoundException,
    IntegrityException,
    PreconditionFailedException,
    StorageException,
    StorageUnavailableException,
)
from s3py_helper.domain.fastdfs_name import decoded
from s3py_helper.domain.file_id import Backend, FileId

CREATED = 1_700_000_000
ABLE = TargetAbilities(
    checks_crc32=True, checks_whole=True, refuses_overwriting=True, shows_missing=True, md5_etags=True, writable=True
)
UNDESCRIBED = SourceMetadata(None, None, {})
FIRST, SECOND = "127.0.0.3:23000", "127.0.0.4:23000"


def id_of(content: bytes, number: int = 0, *, group: str = "group1", tail: str = ".txt", flags: int = 0) -> FileId:
    """An id as a server makes it for that content; the number tells files of the same content apart."""
    facts = struct.pack(
        "!4sIQI", bytes([127, 0, 0, 3]), CREATED + number, (1 << 63) | flags | len(content), isal_zlib.crc32(content)
    )
    name = base64.b64encode(facts, altchars=b"-_").decode().rstrip("=")
    return FileId(Backend.FASTDFS, group, f"M00/00/{number & 255:02X}/{name}{'0123456'[: 7 - len(tail)]}{tail}")


def appender_id(number: int = 0, *, group: str = "group1") -> FileId:
    """An id of a file that can grow."""
    return id_of(b"", number, group=group, flags=1 << 58)


@dataclass
class Kept:
    """A file at its source.

    Attributes:
        described: What is kept beside it.
        elsewhere: What the replica has, where that differs.
        mtime: When it was changed last.
    """

    content: bytes
    described: SourceMetadata = UNDESCRIBED
    elsewhere: bytes | None = None
    mtime: int = CREATED


class Listing:
    def __init__(self, names: Sequence[str], error: StorageException | None) -> None:
        self.complete = False
        self._names = names
        self._error = error

    async def __aiter__(self) -> AsyncGenerator[str]:
        for name in self._names:
            yield name
        if self._error is not None:
            raise self._error
        self.complete = True


@dataclass
class MemorySource:
    """Two replicas of `group1` and one server of `group2`.

    Attributes:
        files: What there is.
        down: Files whose source is out of reach, and whose stand-in lacks them.
        silent: Files of which nobody can be asked.
        counted: What the counters of a group say, where that is not how many files it has.
        unlisted: Names that a listing lacks, by server.
        broken: Listings that break off behind their last name, with the error, by server.
        asked: Every question and every deletion, in order.
        opened: How many streams are open.
    """

    files: dict[FileId, Kept] = field(default_factory=dict[FileId, Kept])
    down: set[FileId] = field(default_factory=set[FileId])
    silent: set[FileId] = field(default_factory=set[FileId])
    counted: dict[str, int] = field(default_factory=dict[str, int])
    unlisted: dict[str, set[FileId]] = field(default_factory=dict[str, set[FileId]])
    broken: dict[str, StorageException] = field(default_factory=dict[str, StorageException])
    store_paths: int = 1
    servers: dict[str, tuple[str, ...]] = field(default_factory=lambda: {"group1": (FIRST, SECOND), "group2": (FIRST,)})
    asked: list[str] = field(default_factory=list[str])
    opened: int = 0

    def add(self, content: bytes, number: int = 0, *, file_id: FileId | None = None, **more: object) -> FileId:
        """Keep a file under its usual id, or another."""
        file_id = file_id or id_of(content, number)
        self.files[file_id] = Kept(content, **more)  # type: ignore[arg-type]  # the fields of `Kept`
        return file_id

    async def groups(self) -> Sequence[SourceGroup]:
        return [SourceGroup(name, self._servers_of(name)) for name in self.servers]

    def _servers_of(self, group: str) -> list[SourceServer]:
        files = self.counted.get(group, sum(file_id.bucket == group for file_id in self.files))
        return [
            SourceServer(name, self.store_paths, "6.12.2", True, files if not number else 0, None, 1 << 40, CREATED)
            for number, name in enumerate(self.servers[group])
        ]

    @asynccontextmanager
    async def listing(self, group: str, server: str, store_path: int) -> AsyncGenerator[Listing]:
        self.asked.append(f"listing of {group} {server} M{store_path:02X}")
        missing = self.unlisted.get(server, set())
        names = [
            file_id.key
            for file_id in self.files
            if file_id.bucket == group and file_id not in missing and file_id.key.startswith(f"M{store_path:02X}")
        ]
        yield Listing(names, self.broken.get(server))

    async def facts(self, file_id: FileId) -> SourceFacts:
        self.asked.append(f"facts of {file_id.key}")
        if file_id in self.silent:
            raise StorageUnavailableException("nobody answers")
        if file_id in self.down or (kept := self.files.get(file_id)) is None:
            return SourceFacts(exists=False, at_source=file_id not in self.down)
        name = decoded(file_id.key)
        is_told = name is None or name.size in {None, len(kept.content)}
        crc32 = isal_zlib.crc32(kept.content) if is_told else None
        return SourceFacts(exists=True, at_source=True, size=len(kept.content), mtime=kept.mtime, crc32=crc32)

    async def metadata(self, file_id: FileId) -> SourceMetadata:
        return self._kept(file_id).described

    async def fetch(self, file_id: FileId, size: int) -> tuple[SourceMetadata, bytes] | None:
        kept = self.files.get(file_id)
        if kept is None or file_id in self.down or len(kept.content) != size:
            return None
        return kept.described, kept.content

    @asynccontextmanager
    async def open(
        self, file_id: FileId, byte_range: ByteRange | None = None, *, server: str | None = None
    ) -> AsyncGenerator[AsyncIterator[bytes]]:
        self.asked.append(f"bytes of {server or 'the source'}")
        kept = self._kept(file_id)
        content = kept.elsewhere if server == SECOND and kept.elsewhere is not None else kept.content
        if byte_range is not None:
            content = content[byte_range.first : (byte_range.last or 0) + 1]
        self.opened += 1
        try:
            yield _chunks(content)
        finally:
            self.opened -= 1

    async def replicas(self, file_id: FileId) -> Sequence[str]:
        return self.servers[file_id.bucket]

    async def delete(self, file_id: FileId) -> None:
        self.asked.append(f"deletion of {file_id.key}")
        if file_id in self.silent:
            raise StorageUnavailableException("nobody answers")
        self._kept(file_id)
        del self.files[file_id]

    def _kept(self, file_id: FileId) -> Kept:
        if (kept := self.files.get(file_id)) is None:
            raise FileNotFoundException(f"no such file: {file_id}")
        return kept


@dataclass
class MemoryTarget:
    """A bucket.

    Attributes:
        objects: What lies under each key.
        contents: The bytes of it.
        parts_of: Multipart uploads that are under way, by key and id, with the content of each part.
        abilities: What a probe finds.
        refuses: Raised by a probe.
        spoils: Whether something turns over the first byte of what is stored.
        done: Everything that was changed, in order.
        opened: How many streams are open.
    """

    objects: dict[str, TargetObject] = field(default_factory=dict[str, TargetObject])
    contents: dict[str, bytes] = field(default_factory=dict[str, bytes])
    parts_of: dict[tuple[str, str], dict[int, bytes]] = field(default_factory=dict[tuple[str, str], dict[int, bytes]])
    abilities: TargetAbilities = ABLE
    refuses: StorageException | None = None
    spoils: bool = False
    done: list[str] = field(default_factory=list[str])
    opened: int = 0

    async def probe(self, prefix: str) -> TargetAbilities:
        self.done.append(f"probed {prefix}")
        if self.refuses is not None:
            raise self.refuses
        return self.abilities

    async def put(self, new: NewObject, content: IncomingBody | bytes) -> TargetObject:
        self._require_free(new)
        given = content if isinstance(content, bytes) else b"".join([chunk async for chunk in content])
        if len(given) != new.size:
            raise IntegrityException(f"{new.size} bytes were announced, {len(given)} came")
        return self._store(new, given)

    async def begin(self, new: NewObject) -> str:
        upload_id = f"upload {len(self.done)}"
        self.done.append(f"began {new.key}")
        self.parts_of[new.key, upload_id] = {}
        return upload_id

    async def parts(self, key: str, upload_id: str) -> Sequence[PartDone]:
        if (key, upload_id) not in self.parts_of:
            raise FileNotFoundException(f"no upload {upload_id}")
        return [PartDone(number, len(part), f'"{number}"') for number, part in self.parts_of[key, upload_id].items()]

    async def send_part(self, key: str, upload_id: str, number: int, body: IncomingBody) -> PartDone:
        part = b"".join([chunk async for chunk in body])
        self.done.append(f"sent part {number}")
        self.parts_of[key, upload_id][number] = part
        return PartDone(number, len(part), f'"{number}"')

    async def complete(self, new: NewObject, upload_id: str, parts: Sequence[PartDone]) -> TargetObject:
        self._require_free(new)
        sent = self.parts_of[new.key, upload_id]
        stored = self._store(new, b"".join(sent[part.number] for part in parts))
        del self.parts_of[new.key, upload_id]
        return stored

    async def abort(self, key: str, upload_id: str) -> None:
        self.done.append(f"aborted {upload_id} of {key}")
        self.parts_of.pop((key, upload_id), None)

    async def uploads(self, prefix: str) -> Sequence[tuple[str, str]]:
        return [(key, upload_id) for key, upload_id in self.parts_of if key.startswith(prefix)]

    async def head(self, key: str) -> TargetObject | None:
        return self.objects.get(key)

    @asynccontextmanager
    async def open(self, key: str) -> AsyncGenerator[AsyncIterator[bytes]]:
        if key not in self.contents:
            raise FileNotFoundException(f"no object {key}")
        self.opened += 1
        try:
            yield _chunks(self.contents[key])
        finally:
            self.opened -= 1

    @asynccontextmanager
    async def list(self, prefix: str) -> AsyncGenerator[AsyncIterator[TargetObject]]:
        async def objects() -> AsyncIterator[TargetObject]:
            for key in sorted(self.objects, key=str.encode):
                if key.startswith(prefix):
                    yield replace(self.objects[key], crc32=None, metadata={})

        yield objects()

    async def delete(self, key: str) -> None:
        self.done.append(f"deleted {key}")
        self.objects.pop(key, None)
        self.contents.pop(key, None)

    def _require_free(self, new: NewObject) -> None:
        there = self.objects.get(new.key)
        is_as_expected = new.replaces is None if there is None else there.etag == new.replaces is not None
        if self.abilities.refuses_overwriting and not is_as_expected:
            raise PreconditionFailedException("something else is there")

    def _store(self, new: NewObject, content: bytes) -> TargetObject:
        crc32 = isal_zlib.crc32(content)
        if self.abilities.checks_crc32 and new.crc32 is not None and crc32 != new.crc32:
            raise IntegrityException("other bytes than were announced")
        if self.spoils:
            content = bytes([content[0] ^ 255, *content[1:]])
        self.done.append(f"stored {new.key}")
        self.contents[new.key] = content
        stored = TargetObject(
            new.key,
            len(content),
            f'"{crc32:08x}"',
            crc32 if self.abilities.checks_crc32 else None,
            new.content_type,
            new.file_name,
            dict(new.metadata),
        )
        self.objects[new.key] = stored
        return stored


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    """In two pieces, with an empty one between them."""
    half = len(content) // 2
    for piece in (content[:half], b"", content[half:]):
        yield piece
