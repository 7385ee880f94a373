"""The user's files and folders, as what is to be stored."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.entrypoints.cli.output import STANDARD_STREAM


@dataclass(frozen=True, slots=True)
class Patterns:
    """Which files of a folder are meant.

    A pattern without a slash is compared with the file's name and with each folder on the way to it, one with a slash
    with the whole path below the folder that was named; `*` stands for slashes as well.

    Attributes:
        include: Only these; all where there are none.
        exclude: Not these, whatever `include` says.
    """

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()

    def wanted(self, path: PurePosixPath) -> bool:
        """Whether a file is meant."""
        return not self.excluded(path) and (not self.include or _matches(path, self.include))

    def excluded(self, path: PurePosixPath) -> bool:
        """Whether a file or folder is left out."""
        return _matches(path, self.exclude)


@dataclass(frozen=True, slots=True)
class LocalFile:
    """Something to store.

    Attributes:
        source: How the user named it, or where it was found; `-` is standard input.
        folder: Its folder below the one that files go to; empty for none.
        size: Its number of bytes; `None` for pipes, devices, standard input, and what is not there.
    """

    source: str
    folder: str = ""
    size: int | None = None


def local_files(sources: Sequence[str], patterns: Patterns, *, recursive: bool) -> list[LocalFile | Exception]:
    """Everything to store, in order; what cannot be is an error in its place.

    A folder `a/b` is stored as `b`, like `cp -r` does it; `a/b/`, with a slash, as what is in it. Links to files are
    followed, links to folders are not. Empty folders are nothing to store.
    """
    found: list[LocalFile | Exception] = []
    for source in sources:
        if source == STANDARD_STREAM:
            found.append(LocalFile(source))
            continue
        try:
            status = os.stat(source)  # noqa: PTH116 - unlike Path.stat it names the file as it was given, also if ""
        except OSError as error:
            found.append(error)
            continue
        if not stat.S_ISDIR(status.st_mode):
            found.append(LocalFile(source, size=status.st_size if stat.S_ISREG(status.st_mode) else None))
        elif recursive:
            found += _walk(source, patterns)
        else:
            found.append(InvalidArgumentException(f"{source} is a folder: -r stores what is in it"))
    return found


def folder_name(path: str) -> str:
    """The name under which a folder is stored; empty where only what is in it is meant."""
    name = PurePosixPath(path).name
    return "" if path.endswith("/") or name == ".." else name


def _walk(top: str, patterns: Patterns) -> Iterator[LocalFile | Exception]:
    unreadable: list[OSError] = []
    below = PurePosixPath(folder_name(top))
    for parent, folders, files in os.walk(top, onerror=unreadable.append):
        yield from unreadable
        unreadable.clear()
        inside = PurePosixPath(Path(parent).relative_to(top).as_posix())
        folders[:] = sorted(name for name in folders if not patterns.excluded(inside / name))
        for name in sorted(files):
            if not patterns.wanted(inside / name):
                continue
            path = os.path.join(parent, name)  # noqa: PTH118 - keeps the path as the user began it
            try:
                status = os.stat(path)  # noqa: PTH116 - as above
            except OSError as error:
                yield error
                continue
            if stat.S_ISREG(status.st_mode):  # what else there may be has no content of its own
                folder = (below / inside).as_posix()
                yield LocalFile(path, "" if folder == "." else folder, status.st_size)
    yield from unreadable


def _matches(path: PurePosixPath, patterns: Sequence[str]) -> bool:
    return any(
        fnmatchcase(path.as_posix(), pattern.strip("/"))
        if "/" in pattern.rstrip("/")
        else any(fnmatchcase(part, pattern.rstrip("/")) for part in path.parts)
        for pattern in patterns
    )
