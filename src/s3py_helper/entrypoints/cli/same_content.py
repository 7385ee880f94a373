"""Whether a file on the user's disk is what is stored."""

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Final

from isal import isal_zlib

from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.files import FileBasicInfo

_CHUNK: Final = 1024 * 1024
_HASHES: Final = {"md5", "sha1", "sha256"}


async def same_content(path: Path, stored: FileBasicInfo) -> bool:
    """Whether size and checksum are the same; not, where the backend knows no checksum that can be computed here."""
    if stored.checksum is None or await asyncio.to_thread(_size, path) != stored.file_size:
        return False
    checksum = Checksum.parse(stored.checksum)
    return await asyncio.to_thread(_checksum_of, path, checksum.algorithm) == checksum


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None


def _checksum_of(path: Path, algorithm: str) -> Checksum | None:
    with path.open("rb", buffering=0) as file:
        if algorithm in _HASHES:
            return Checksum(algorithm, hashlib.file_digest(file, algorithm).hexdigest())
        if algorithm != "crc32":
            return None
        crc32 = 0
        while chunk := os.read(file.fileno(), _CHUNK):
            crc32 = isal_zlib.crc32(chunk, crc32)
        return Checksum.crc32(crc32)
