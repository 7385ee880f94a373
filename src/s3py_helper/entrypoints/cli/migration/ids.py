"""Ids from elsewhere than the servers: lists, and folders of store paths."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final, TextIO

from s3py_helper.application.concurrency.completion import acquired
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.fastdfs_name import STORE_PATH
from s3py_helper.entrypoints.cli.output import STANDARD_STREAM

_NAMES_AT_ONCE: Final = 1000
"""Of one visit to a thread."""


async def lines_of(name: str) -> AsyncIterator[str]:
    """The lines of a file, or of standard input; read in a thread, some at a time."""
    opened = sys.stdin
    if name != STANDARD_STREAM:
        opened = await acquired(asyncio.to_thread(_opened, name), lambda file: file.close())
    try:
        while lines := await asyncio.to_thread(opened.readlines, 65536):
            for line in lines:
                yield line
    finally:
        if opened is not sys.stdin:
            opened.close()


async def names_in_folder(text: str) -> AsyncIterator[str]:
    """Ids of the files in a store path's data folder: `group1/M00=/var/fdfs/data`."""
    place, equals, folder = text.partition("=")
    group, _, store_path = place.partition("/")
    if not (equals and STORE_PATH.fullmatch(store_path)):
        raise InvalidArgumentException(f"{text!r} is not GROUP/Mxx=FOLDER, e.g. group1/M00=/var/fdfs/data")
    root = Path(folder)
    if not await asyncio.to_thread(root.is_dir):
        raise InvalidArgumentException(f"{folder}: there is no such folder")
    walk = _walk(root)
    while names := await asyncio.to_thread(_next_names, walk, root):
        for name in names:
            yield f"{group}/{store_path}/{name}"


def _next_names(walk: Iterator[Path], root: Path) -> list[str]:
    names: list[str] = []
    for path in walk:
        if not path.name.endswith("-m"):
            names.append(path.relative_to(root).as_posix())
        if len(names) == _NAMES_AT_ONCE:
            break
    return names


def _opened(name: str) -> TextIO:
    return Path(name).open(encoding="utf-8", errors="replace")


def _walk(root: Path) -> Iterator[Path]:
    return root.glob("[0-9A-F][0-9A-F]/[0-9A-F][0-9A-F]/*")
