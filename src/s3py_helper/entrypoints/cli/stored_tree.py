"""The files of a folder in storage, as what is to be fetched."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import PurePosixPath
from typing import Final

from s3py_helper.application.services import FileServices
from s3py_helper.domain.files import FileBasicInfo
from s3py_helper.domain.object_key import name_in_key, unescaped
from s3py_helper.entrypoints.cli.local_tree import Patterns, folder_name
from s3py_helper.entrypoints.cli.output import say

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Something to fetch.

    Attributes:
        file_id: Its id.
        folder: Its folder below the one that files go to.
        size: Its number of bytes, where known.
    """

    file_id: str
    folder: PurePosixPath = field(default_factory=PurePosixPath)
    size: int = 0


async def stored_files(
    services: FileServices, folders: Sequence[str], bucket: str | None, patterns: Patterns
) -> list[StoredFile]:
    """Every file below the folders; of those with the same folder and name, of which storage may have many, the newest.

    As on disk, `a/b` is fetched as `b`, `a/b/` as what is in it, and `/` as everything.
    """
    newest: dict[PurePosixPath, FileBasicInfo] = {}
    older = 0
    for folder in folders:
        front = f"{folder.strip('/')}/" if folder.strip("/") else ""
        async for info in services.list_service.list_files(front, bucket):
            inside = _path_of(info.file_id, front)
            if not patterns.wanted(inside):
                continue
            path = folder_name(folder) / inside
            former = newest.get(path)
            older += former is not None
            if former is None or (info.last_modify_time or _LONG_AGO) > (former.last_modify_time or _LONG_AGO):
                newest[path] = info
    if older:
        say(f"{older} files have a newer one of the same name, which is fetched alone")
    return [
        StoredFile(info.file_id, path.parent, info.file_size or 0)
        for path, info in sorted(newest.items(), key=itemgetter(0))
    ]


def _path_of(file_id: str, front: str) -> PurePosixPath:
    """Folder and name below the front, as they were before they were escaped."""
    key = file_id.partition("/")[2]
    folder = unescaped(key.removesuffix(key.rpartition("/")[2]))
    return PurePosixPath(folder.removeprefix(front), name_in_key(key))
