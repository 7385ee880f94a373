"""File ids: which backend holds a file, and where in it.

| id                         | backend    |
|----------------------------|------------|
| `s3:<bucket>/<object key>` | S3         |
| `fs:<bucket>/<key>`        | local disk |
| everything else            | FastDFS    |

Stores that an application mounts itself have a scheme of their own, as in `azure:<bucket>/<key>`.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.text_rules import forbidden_character, require_text, shortened, utf8_length

DEFAULT_BUCKET: Final = "files"
"""The bucket of files that name none, in mounted stores and, unless configured otherwise, on the local disk."""

MAX_KEY_BYTES: Final = 1024
"""Longest object key in bytes of UTF-8 (Amazon S3 User Guide, "Naming objects")."""

MAX_SEGMENT_BYTES: Final = 255
"""Longest file name that common file systems store (NAME_MAX)."""

MAX_FASTDFS_NAME_BYTES: Final = 127
"""The tracker refuses names of 128 bytes and more."""

_S3_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,254}")
_FILESYSTEM_BUCKET = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}")
_FASTDFS_GROUP = re.compile(r"[A-Za-z0-9._-]{1,16}")
_SCHEME = re.compile(r"[a-z][a-z0-9-]{1,31}")
_PLAIN_KEY = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]{0,200}/){0,4}[A-Za-z0-9_-][A-Za-z0-9._-]{0,200}")
"""Keys that certainly keep all rules; others may."""
_PLAIN_FASTDFS_NAME = re.compile(r"M[0-9A-F]{2}/[0-9A-F]{2}/[0-9A-F]{2}/[A-Za-z0-9_-][A-Za-z0-9._-]{0,114}")
"""Names that certainly keep all rules, as servers make them; others may."""
_PRINTABLE_ASCII = re.compile(r"[!-~]+")


class Backend(StrEnum):
    """A technology that holds bytes and is part of the kit."""

    S3 = "s3"
    FASTDFS = "fastdfs"
    FILESYSTEM = "filesystem"


_PREFIXES: Final[dict[str, str]] = {Backend.S3: "s3:", Backend.FILESYSTEM: "fs:", Backend.FASTDFS: ""}


@dataclass(frozen=True, slots=True)
class FileId:
    """A file's place: valid from construction, `str()` gives back the text that `parse` took.

    Attributes:
        backend: Who holds the file: a `Backend`, or the scheme of a store that the application mounted.
        bucket: The bucket; for FastDFS the group.
        key: The object key; for FastDFS the file's name on its group (`M00/00/00/...`).

    Raises:
        InvalidArgumentException: No such place can exist; the message names the reason.
    """

    backend: str
    bucket: str
    key: str

    def __post_init__(self) -> None:
        # Nearly every id is one of these, and each request makes one: a match costs a sixth of the rules in turn.
        if type(self.key) is str and type(self.bucket) is str and _is_plain(self.backend, self.bucket, self.key):
            return
        if not _are_texts(self.backend, self.bucket, self.key):
            given = ", ".join(type(part).__name__ for part in (self.backend, self.bucket, self.key))
            raise InvalidArgumentException(f"a file id is made of backend, bucket and key, three texts, got {given}")
        if problem := _problem(self.backend, self.bucket, self.key):
            raise _invalid(str(self), self.backend, problem)

    @classmethod
    def parse(cls, text: str, schemes: Collection[str] = ()) -> Self:
        """Read an id. Total: any string gives a `FileId` or an `InvalidArgumentException`.

        Args:
            text: The id.
            schemes: Those of the stores that the application mounted.
        """
        if type(text) is not str:
            text = require_text(text, "a file id")
        backend = backend_of(text, schemes)
        prefix = _PREFIXES.get(backend)
        bucket, slash, key = text.removeprefix(_prefix(backend) if prefix is None else prefix).partition("/")
        if not slash and (problem := _problem(backend, bucket, key)):
            raise _invalid(text, backend, problem)
        return cls(backend, bucket, key)

    def __str__(self) -> str:
        """The id as users keep it."""
        return f"{_prefix(self.backend)}{self.bucket}/{self.key}"


def backend_of(text: str, schemes: Collection[str] = ()) -> str:
    """The backend that an id's prefix names; the rest of the id is not looked at."""
    if schemes and (scheme := text.partition(":")[0]) in schemes:
        return scheme
    if text.startswith(_PREFIXES[Backend.S3]):
        return Backend.S3
    if text.startswith(_PREFIXES[Backend.FILESYSTEM]):
        return Backend.FILESYSTEM
    return Backend.FASTDFS


def check_bucket(backend: str, bucket: str) -> None:
    """Raise `InvalidArgumentException` when the backend can have no bucket of that name."""
    find_problem = _BUCKET_PROBLEM_FINDERS.get(backend, _filesystem_bucket_problem)
    if problem := find_problem(require_text(bucket, "a bucket")):
        raise InvalidArgumentException(f"invalid bucket name {shortened(bucket)}: {problem}", backend=backend)


def _is_plain(backend: str, bucket: str, key: str) -> bool:
    if backend is Backend.S3:
        return bool(_PLAIN_KEY.fullmatch(key) and _S3_BUCKET.fullmatch(bucket))
    return bool(backend is Backend.FASTDFS and _PLAIN_FASTDFS_NAME.fullmatch(key) and _FASTDFS_GROUP.fullmatch(bucket))


def _are_texts(backend: object, bucket: object, key: object) -> bool:
    return isinstance(backend, str) and isinstance(bucket, str) and isinstance(key, str)


def check_scheme(scheme: str) -> None:
    """Raise `InvalidArgumentException` unless a store may be mounted under that scheme."""
    if not _SCHEME.fullmatch(require_text(scheme, "a scheme")) or scheme in {*Backend, "fs"}:
        taken = ", ".join(sorted({*Backend, "fs"}))
        raise InvalidArgumentException(
            f"invalid scheme {shortened(scheme)}: 2 to 32 of a-z 0-9 -, a letter first, none of {taken}"
        )


def _s3_bucket_problem(bucket: str) -> str | None:
    if not bucket:
        return "it names no bucket"
    if not _S3_BUCKET.fullmatch(bucket):
        return f"{shortened(bucket)} is not a bucket name (3 to 255 of A-Z a-z 0-9 . _ -, a letter or digit first)"
    return None


def _filesystem_bucket_problem(bucket: str) -> str | None:
    if not bucket:
        return "it names no bucket"
    if not _FILESYSTEM_BUCKET.fullmatch(bucket):
        return f"{shortened(bucket)} is not a bucket name (1 to 255 of A-Z a-z 0-9 . _ -, no dot first)"
    return None


def _key_problem(key: str) -> str | None:
    if not key:
        return "it names no object key after the bucket"
    if forbidden := forbidden_character(key):
        return f"the key contains {forbidden}"
    if (length := utf8_length(key)) > MAX_KEY_BYTES:
        return f"the key has {length} bytes of UTF-8, {MAX_KEY_BYTES} are allowed"
    return None


def _s3_problem(bucket: str, key: str) -> str | None:
    if problem := _s3_bucket_problem(bucket) or _key_problem(key):
        return problem
    # Servers that keep objects as files (SeaweedFS, MinIO) fold such keys into others: one object must have one id.
    if "\\" in key:
        return "the key contains a backslash"
    for segment in key.removesuffix("/").split("/"):
        if segment in {"", ".", ".."}:
            return f"the key has the path segment {segment!r}"
    return None


def _filesystem_problem(bucket: str, key: str) -> str | None:
    if problem := _filesystem_bucket_problem(bucket) or _key_problem(key):
        return problem
    if "\\" in key:
        return "the key contains a backslash"
    for segment in key.split("/"):
        if segment in {"", ".", ".."}:
            return f"the key has the path segment {segment!r}"
        if (length := utf8_length(segment)) > MAX_SEGMENT_BYTES:
            return f"a path segment of the key has {length} bytes of UTF-8, {MAX_SEGMENT_BYTES} are allowed"
    return None


def _fastdfs_problem(group: str, name: str) -> str | None:
    if not group and not name:
        return "it names neither group nor file"
    if group.lower().startswith(("s3:", "fs:")):
        return f"the prefix {group[:3]!r} is written in lower case"
    if not _FASTDFS_GROUP.fullmatch(group):
        return f"{shortened(group)} is not a FastDFS group (1 to 16 of A-Z a-z 0-9 . _ -)"
    if not name:
        return "it names no file after the group"
    if not _PRINTABLE_ASCII.fullmatch(name):
        return "a FastDFS name has printable ASCII characters only, and no space"
    if len(name) > MAX_FASTDFS_NAME_BYTES:
        return f"the FastDFS name has {len(name)} bytes, {MAX_FASTDFS_NAME_BYTES} are allowed"
    if not {"", ".", ".."}.isdisjoint(name.split("/")):
        return "the FastDFS name has an empty, '.' or '..' path segment"
    return None


_PROBLEM_FINDERS: Final[dict[str, Callable[[str, str], str | None]]] = {
    Backend.S3: _s3_problem,
    Backend.FILESYSTEM: _filesystem_problem,
    Backend.FASTDFS: _fastdfs_problem,
}


def _no_problem(_bucket: str) -> None:
    """FastDFS chooses the group by itself."""


_BUCKET_PROBLEM_FINDERS: Final[dict[str, Callable[[str], str | None]]] = {
    Backend.S3: _s3_bucket_problem,
    Backend.FILESYSTEM: _filesystem_bucket_problem,
    Backend.FASTDFS: _no_problem,
}


def _problem(backend: str, bucket: str, key: str) -> str | None:
    # What is mounted by an application keeps to the strictest rules: its store may map keys to paths.
    return _PROBLEM_FINDERS.get(backend, _filesystem_problem)(bucket, key)


def _prefix(backend: str) -> str:
    return _PREFIXES.get(backend, f"{backend}:")


def _invalid(text: str, backend: str, problem: str) -> InvalidArgumentException:
    return InvalidArgumentException(f"invalid file id {shortened(text)}: {problem}", file_id=text, backend=backend)
