"""Enumerating files in the order of their keys. What `BlobLister` does blocks: it is called in threads."""

import os
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from itertools import islice
from typing import Final

from s3py_helper.adapters.filesystem.disk.disk import Disk
from s3py_helper.adapters.filesystem.disk.folders import walked
from s3py_helper.adapters.filesystem.disk.lease import Lease
from s3py_helper.adapters.filesystem.errors import translated
from s3py_helper.adapters.filesystem.reader import describe_entry
from s3py_helper.adapters.filesystem.store import FilesystemBlobStore
from s3py_helper.application.ports.listing import Listing
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.errors import BucketNotFoundException, IntegrityException, InvalidArgumentException
from s3py_helper.domain.file_id import Backend, FileId

BATCH: Final = 256
"""Files that are described in one visit to a thread."""

_VANISHED: Final = (FileNotFoundError, NotADirectoryError, IntegrityException)
"""What opening a name says that belongs to something else by now, or always did."""


class FilesystemListing:
    """Walks through a bucket as far as its caller does; holds the names of the folders on the way, to sort them."""

    def __init__(self, store: FilesystemBlobStore) -> None:
        self._store = store

    def list(
        self, prefix: str = "", *, bucket: str | None = None, after: str = ""
    ) -> AbstractAsyncContextManager[AsyncIterator[BlobInfo]]:
        """Files whose keys begin with `prefix`, completely described; see `Listing.list`."""
        default = self._store.default_bucket
        return aclosing(self._files(prefix, bucket or default, after, may_be_missing=bucket in {None, default}))

    async def _files(self, prefix: str, bucket: str, after: str, *, may_be_missing: bool) -> AsyncGenerator[BlobInfo]:
        with translated("list"):
            session = self._store.session
        lister = BlobLister(session.disk, bucket, prefix, after=after, may_be_missing=may_be_missing)
        async with session.holding(lister):
            while not lister.released:
                with translated("list"):
                    batch = await session.run(lister.read)
                for info in batch:
                    yield info


class BlobLister(Lease):
    """Describes the files of a bucket whose keys begin with a prefix, a batch at a time.

    It leaves out what the store has not written (links, devices, files without a valid end), and what is deleted
    meanwhile.

    Args:
        disk: The disk.
        bucket: The bucket.
        prefix: What the keys begin with.
        after: The key that they come after.
        may_be_missing: A bucket that is not there is one without files: a folder is made for the first one.
    """

    def __init__(self, disk: Disk, bucket: str, prefix: str, *, after: str = "", may_be_missing: bool) -> None:
        super().__init__()
        self._disk = disk
        self._bucket = bucket
        self._may_be_missing = may_be_missing
        # A lone surrogate is in no key: it matches nothing, which is no reason to fail.
        self._prefix = prefix.encode(errors="surrogatepass")
        self._after = after.encode(errors="surrogatepass")
        self._files = self._all()

    def read(self) -> list[BlobInfo]:
        """The next files, none at the end. Raises `BucketNotFoundException` when there is no such bucket."""
        with self._working():
            batch = list(islice(self._files, BATCH))
            if not batch:
                self._end()
            return batch

    def _release(self) -> None:
        self._files.close()

    def _all(self) -> Generator[BlobInfo]:
        try:
            with walked(self._disk.root, [self._bucket.encode()]) as folder:
                yield from self._below(folder, b"")
        except FileNotFoundError:
            if not self._may_be_missing:
                raise BucketNotFoundException(f"there is no such bucket: {self._bucket!r}") from None

    def _below(self, folder: int, path: bytes) -> Generator[BlobInfo]:
        for key in _sorted_keys(folder, path):
            name = key.removeprefix(path)
            if not key.endswith(b"/"):
                if key > self._after and key.startswith(self._prefix) and (info := self._describe(folder, name, key)):
                    yield info
            elif self._after > key and not self._after.startswith(key):
                continue  # so do the keys of all that is in the folder
            elif key.startswith(self._prefix) or self._prefix.startswith(key):
                # One frame for each level: keys of 1024 bytes have up to 512, Python allows 1000.
                with suppress(*_VANISHED), walked(folder, [name.removesuffix(b"/")]) as child:
                    yield from self._below(child, key)

    def _describe(self, folder: int, name: bytes, key: bytes) -> BlobInfo | None:
        try:
            file_id = FileId(Backend.FILESYSTEM, self._bucket, key.decode())
            return describe_entry(folder, name).describe(file_id)
        except (*_VANISHED, InvalidArgumentException, UnicodeDecodeError):
            return None


def _sorted_keys(folder: int, path: bytes) -> list[bytes]:
    """What a folder holds, folders with a trailing slash: keys compare as bytes, and `a.txt` comes before `a/b`."""
    with os.scandir(folder) as entries:
        return sorted(
            path + os.fsencode(entry.name) + (b"/" if entry.is_dir(follow_symlinks=False) else b"") for entry in entries
        )


_: type[Listing] = FilesystemListing
