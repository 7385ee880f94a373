"""Programs that read zip archives, to compare notes with."""

import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

SECONDS = 100


@dataclass(frozen=True)
class Listed:
    """What a reader saw of an entry."""

    name: str
    size: int
    crc32: int


def require(program: str, package: str) -> str:
    """The program's path. Where it is missing the test is skipped on a developer's machine, and fails in CI."""
    path = shutil.which(program)
    if path is None:
        message = f"{program} is not installed (Debian: {package})"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path


def unzip(archive: Path) -> None:
    """Info-ZIP, the reader of many Unix systems and of macOS' command line."""
    _run(require("unzip", "unzip"), "-tqq", str(archive))


def seven_zip(archive: Path) -> None:
    _run(require("7z", "p7zip-full"), "t", "-bso0", "-bsp0", str(archive))


def bsdtar(archive: Path) -> None:
    """libarchive, free to seek."""
    _run(require("bsdtar", "libarchive-tools"), "-x", "--to-stdout", "-f", str(archive), keep_output=False)


def piped_bsdtar(archive: Path) -> None:
    """libarchive, which sees the archive once from its front."""
    program = require("bsdtar", "libarchive-tools")
    pipe = 'cat "$2" | "$1" -x --to-stdout -f -'
    _run("/bin/sh", "-c", pipe, "sh", program, str(archive), keep_output=False)


def python(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None


def java(archive: Path) -> None:
    """`java.util.zip.ZipInputStream`, which sees the archive once from its front and is particular about it."""
    list_with_java(archive)


READERS: dict[str, Callable[[Path], None]] = {
    "unzip": unzip,
    "7z": seven_zip,
    "bsdtar": bsdtar,
    "bsdtar from a pipe": piped_bsdtar,
    "python": python,
    "java": java,
}


def list_with_python(archive: Path) -> list[Listed]:
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        return [Listed(entry.filename, entry.file_size, entry.CRC) for entry in opened.infolist()]


def list_with_java(archive: Path) -> list[Listed]:
    program = Path(__file__).with_name("ReadZip.java")
    lines = _run(require("java", "openjdk-17-jdk-headless"), str(program), str(archive)).decode().splitlines()
    fields = (line.rsplit("\t", 2) for line in lines)
    return [Listed(name, int(size), int(crc32, 16)) for name, size, crc32 in fields]


def _run(*command: str, keep_output: bool = True) -> bytes:
    done = subprocess.run(
        command,
        check=False,
        stdout=subprocess.PIPE if keep_output else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=SECONDS,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    output = done.stdout or b""
    assert done.returncode == 0, (command, done.returncode, output[-2000:], done.stderr[-2000:])
    return output
