"""A base image for `deploy/Dockerfile`, made of the Python that runs the tests: no registry of images is asked.

It brings the packages that the build installs, so that the build needs no network either.
"""

import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PROGRAMS: Final = ("sh", "mkdir", "id", "touch")
# What wheels may rely on (PEP 599, "manylinux2014").
_FOR_WHEELS: Final = [
    "libgcc_s.so.1",
    "libstdc++.so.6",
    "libm.so.6",
    "libdl.so.2",
    "librt.so.1",
    "libc.so.6",
    "libutil.so.1",
    "libpthread.so.0",
]
_LEFT_OUT: Final = {"__pycache__", "test", "tests", "idlelib", "turtledemo", "site-packages", "dist-packages"}
_FILES: Final = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
    "etc/group": "root:x:0:\n",
    "etc/pip.conf": "[global]\nno-index = true\nfind-links = /wheels\n",
    "etc/uv/uv.toml": 'no-index = true\nfind-links = ["/wheels"]\n',
}


def missing_for_base_image() -> str | None:
    """What this machine lacks to make one, in words."""
    if Path(sys.base_prefix) == Path("/usr"):
        return "the tests run on the system's Python, which has no folder of its own"
    lacking = [name for name in (*_PROGRAMS, "ldd") if shutil.which(name) is None]
    return f"no {', '.join(lacking)}" if lacking else None


def write_base_image(archive: Path, folder: Path, project: Path) -> None:
    """A tar file for `docker import`.

    Args:
        archive: Where it goes.
        folder: For the packages.
        project: Whose dependencies they are.
    """
    python = Path(sys.base_prefix) / "bin" / f"python{sysconfig.get_python_version()}"
    _fetch_packages(python, folder, project)
    programs = [Path(shutil.which(name) or "").resolve() for name in _PROGRAMS]
    modules = list(Path(sysconfig.get_path("stdlib")).rglob("lib-dynload/*.so"))
    with tarfile.open(archive, "w", dereference=False) as tar:
        tar.add(sys.base_prefix, filter=_needed)
        for library in set(_libraries([python, *programs, *modules])):
            if not library.is_relative_to(sys.base_prefix):
                tar.add(library.resolve(), arcname=str(library))
        for name, program in zip(_PROGRAMS, programs, strict=True):
            tar.add(program, arcname=f"bin/{name}")
        _link(tar, "usr/bin/python3", str(python))
        tar.add(folder, arcname="wheels")
        for name, text in _FILES.items():
            (folder.parent / "file").write_text(text)
            tar.add(folder.parent / "file", arcname=name)
        _folder(tar, "tmp", 0o1777)


def _fetch_packages(python: Path, folder: Path, project: Path) -> None:
    constraints = str(project / "requirements" / "dev.txt")
    command = [str(python), "-m", "pip", "download", "--quiet", "--dest", str(folder), "--constraint", constraints]
    fetched = subprocess.run(
        [*command, "uv", "hatchling", f"{project}[fast]"], capture_output=True, text=True, check=False, timeout=300
    )
    assert fetched.returncode == 0, fetched.stderr[-3000:]


def _needed(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    unwanted = _LEFT_OUT & set(Path(info.name).parts) or info.name.endswith(".a")
    return None if unwanted else info


def _libraries(programs: list[Path]) -> Iterator[Path]:
    """Paths under which they look for them, and those of what wheels need besides."""
    known = subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True, check=False).stdout
    for name in _FOR_WHEELS:
        yield from (Path(path) for path in re.findall(rf"^\s*{re.escape(name)} .* => (/\S+)$", known, re.MULTILINE)[:1])
    for program in programs:
        listed = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False).stdout
        for path in re.findall(r"(/\S+) \(0x", listed):
            yield Path(path)


def _link(tar: tarfile.TarFile, name: str, target: str) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    tar.addfile(info)


def _folder(tar: tarfile.TarFile, name: str, mode: int) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, mode
    tar.addfile(info)
