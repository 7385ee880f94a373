"""What a store does in a process that the system restricts: run as a program, so that the tests' own process is not.

Arguments: a restriction and a folder. Prints what came of an upload that the restriction stops, and of a small one
after it, as JSON.
"""

import asyncio
import ctypes
import json
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from s3py_helper.adapters.filesystem.config import FilesystemConfig
from s3py_helper.adapters.filesystem.store import FilesystemBlobStore
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.errors import StorageException
from s3py_helper.testing import body_of, new_blob, read_all

MIB: Final = 1024 * 1024
NOBODY: Final = 65534


def limit_file_size(folder: Path) -> Path:
    """Python ignores SIGXFSZ, so that write(2) says EFBIG."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, MIB))
    return folder / "data"


def mount_small_disk(folder: Path) -> Path:
    """A file system of 2 MiB that nobody but this process sees; without root, inside a user namespace."""
    user, group = os.geteuid(), os.getegid()
    os.unshare(os.CLONE_NEWNS | (os.CLONE_NEWUSER if user else 0))
    if user:
        # Without a number in the new namespace, this user can own nothing there (user_namespaces(7)).
        Path("/proc/self/setgroups").write_text("deny", encoding="utf-8")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1", encoding="utf-8")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1", encoding="utf-8")
    libc = ctypes.CDLL(None, use_errno=True)
    private_recursively = 0x44000
    for arguments in (
        (b"none", b"/", None, private_recursively, None),
        (b"tmpfs", os.fsencode(folder), b"tmpfs", 0, b"size=2m,mode=777"),
    ):
        if libc.mount(*arguments):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return folder / "data"


def become_nobody(folder: Path) -> Path:
    """Root may write everywhere. The folder is reached as the current one: nobody may pass the folders above it."""
    os.chdir(folder)
    if not os.geteuid():
        os.chown(".", NOBODY, NOBODY)
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    return Path("data")


def close_incoming(root: Path) -> None:
    (root / ".incoming").chmod(0o555)


def close_bucket(root: Path) -> None:
    (root / "files").mkdir(mode=0o555)


def nothing(root: Path) -> None:
    """What restricts is there already."""


def reopen(root: Path) -> None:
    (root / ".incoming").chmod(0o777)
    if (root / "files").exists():
        (root / "files").chmod(0o777)


RESTRICTIONS: Final[dict[str, tuple[Callable[[Path], Path], Callable[[Path], None]]]] = {
    "file size": (limit_file_size, nothing),
    "disk size": (mount_small_disk, nothing),
    "closed incoming": (become_nobody, close_incoming),
    "closed bucket": (become_nobody, close_bucket),
}


async def _outcome(store: FilesystemBlobStore, body: IncomingBody) -> dict[str, object]:
    try:
        info = await store.write(new_blob(), body)
    except StorageException as error:
        return {"error": type(error).__name__, "message": str(error)}
    return {"read back": len(await read_all(store, info.file_id))}


async def _try(root: Path, restrict: Callable[[Path], None]) -> dict[str, object]:
    async with FilesystemBlobStore(FilesystemConfig(root=root)) as store:
        restrict(root)
        result: dict[str, object] = {"large": await _outcome(store, body_of(bytes(100_000) for _ in range(40)))}
        result["left"] = [str(path) for path in root.rglob("*") if path.is_file()]
        reopen(root)
        result["small"] = await _outcome(store, body_of(b"small"))
    return result


def main(restriction: str, folder: str) -> None:
    prepare, restrict = RESTRICTIONS[restriction]
    try:
        root = prepare(Path(folder))
    except OSError as error:
        result: dict[str, object] = {"unavailable": str(error)}
    else:
        result = asyncio.run(_try(root, restrict))
    sys.stdout.write(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
