"""Leaving FastDFS: the states of a file on its way, where its object lies, and what marks it as ours."""

from enum import StrEnum
from typing import Final
from zlib import crc32

from s3py_helper.domain.errors import StorageOperationException
from s3py_helper.domain.file_id import Backend, FileId

ID_METADATA: Final = "s3py-fastdfs-id"
"""Metadata name under which a moved object carries its FastDFS id. An object without it is somebody else's."""

MTIME_METADATA: Final = "s3py-fastdfs-mtime"
"""Metadata name under which a moved object carries its time of modification, in Unix seconds."""

PROBE: Final = "s3py-probe-"
"""Begins the names of objects that show what a target can do; the time follows, in hexadecimal Unix seconds."""

METADATA_SUFFIX: Final = ".meta.json"
"""Behind a moved object's key: a second object with the metadata that S3's headers cannot hold."""


LARGE_FILE: Final = 8 * 1024 * 1024
"""Bytes from which on a file counts as large: few of them are copied at once, for more do not go faster."""


SIZE_CLASSES: Final = tuple(1 << power for power in (12, 16, 20, 23, 26, 30, 32))
"""Upper limits of the classes in which a plan shows sizes: 4 KiB, 64 KiB, 1, 8 and 64 MiB, 1 and 4 GiB."""


SHARDS: Final = 256
"""Shards that the files of a ledger fall into: the pieces of work that a broker hands out."""


class FileState(StrEnum):
    """Where a file is on its way. `docs/leaving-fastdfs.md` has the picture."""

    PLANNED = "planned"
    """Listed, not copied yet; also one whose content has changed since its copy."""
    COPYING = "copying"
    """Claimed by a worker, until its lease ends."""
    COPIED = "copied"
    """In S3, proven by the target while it was written, and still there at the source afterwards."""
    VERIFIED = "verified"
    """Looked at again, without trusting what the copy remembers."""
    DRAINED = "drained"
    """Deleted at the source; S3 alone has it."""
    GONE = "gone"
    """No server has it: deleted before it was copied, or a broken link."""
    MISSING_AT_SOURCE = "missing-at-source"
    """The source no longer has it, although a proven copy is in S3: an operator decides what that means."""
    DELETED = "deleted"
    """Deleted through the kit. Final: it never comes back."""
    QUARANTINED = "quarantined"
    """Not copied, for a reason that an operator has to look at."""


class FileKind(StrEnum):
    """What kind of FastDFS file it is, which decides how its copy is proven."""

    NORMAL = "normal"
    """Its id carries size and CRC-32 of the content."""
    APPENDER = "appender"
    """It can change; the server computes its CRC-32."""
    SLAVE = "slave"
    """Its id carries the master's sum; the server computes its own."""
    SAME_SHAPE = "same-shape-slave"
    """Its id has the shape of a normal one, but carries the master's facts: two reads have to agree."""
    TRUNK = "trunk"
    """A normal file that lies within a trunk file; its id carries size and CRC-32."""
    LEFTOVER = "leftover"
    """The old name of a regenerated appender on a replica: dead, never copied."""
    UNSERVABLE = "unservable"
    """On a disk and in a listing, but no server can serve it by its name."""


class Route(StrEnum):
    """Where the old ids of a group are read."""

    FASTDFS = "fastdfs"
    S3_FIRST = "s3-first"
    S3_ONLY = "s3-only"


class Level(StrEnum):
    """How far a copy has been verified."""

    LISTED = "listed"
    """It is there and has the right size."""
    CHECKSUM = "checksum"
    """The target states the right checksum."""
    READ = "read"
    """Its bytes were read back and are right."""


class GateRefusedException(StorageOperationException):
    """A step of the migration is not safe yet; the message says why, and what to do."""


def shard_of(file_id: FileId) -> int:
    """The shard of a file, from 0 to `SHARDS - 1`: that of the folder in its id.

    So what is claimed together lies together in a ledger, which keeps its rows in the order of ids.
    """
    folder, _, _ = str(file_id).rpartition("/")
    return crc32(folder.encode()) % SHARDS


def moved_key(prefix: str, file_id: FileId) -> str:
    """The object key of a moved file: follows from the id alone, so that an id works without any table.

    Args:
        prefix: The migration's prefix, verbatim.
        file_id: A FastDFS id.
    """
    return f"{prefix}fastdfs/{file_id.bucket}/{file_id.key}"


def id_in_key(prefix: str, key: str) -> FileId | None:
    """The FastDFS id whose object has that key; `None` for every other key.

    Raises:
        InvalidArgumentException: The key lies where moved files do, but no id could have it.
    """
    front = f"{prefix}fastdfs/"
    if not key.startswith(front) or key.endswith(METADATA_SUFFIX):
        return None
    group, _, name = key.removeprefix(front).partition("/")
    return FileId(Backend.FASTDFS, group, name)
