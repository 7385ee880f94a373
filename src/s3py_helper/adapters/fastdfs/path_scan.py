"""Listing a store path of a server for a reader that may be slow, without keeping the server busy for as long."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

from s3py_helper.adapters.fastdfs.errors import public_error, translated
from s3py_helper.adapters.fastdfs.name_spool import NameSpool
from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.connection import FramedConnection
from s3py_helper.adapters.fastdfs.protocol.faults import Fault, ServerRefusal, SpoolFault
from s3py_helper.adapters.fastdfs.protocol.path_listing import PathListing, begin_listing
from s3py_helper.adapters.fastdfs.protocol.storage_client import StorageClient
from s3py_helper.adapters.fastdfs.session import FastdfsSession
from s3py_helper.application.concurrency.completion import completed
from s3py_helper.domain.errors import StorageOperationException
from s3py_helper.domain.fastdfs_name import FastdfsName, NameShape
from s3py_helper.domain.file_id import Backend

_OPERATION: Final = "listing"
_NAMES_AT_ONCE: Final = 2000

_METADATA: Final = b"-m"
_METADATA_MARK: Final = b"\0"
_SLAVES: Final = frozenset({NameShape.SLAVE, NameShape.SHORT_SLAVE, NameShape.UNREACHABLE_SLAVE})

_MEANINGS: Final = {
    2: "the first of its records are missing (binlog.000), without which it lists nothing",
    22: "it has no such group, or no such store path",
}


class PathScanner:
    """Lists store paths, one at a time per server: two scans at once stopped its downloads for a second.

    Args:
        session: The connections.
        directory: For temporary files; `None` is the system's folder.
    """

    def __init__(self, session: FastdfsSession, directory: Path | None) -> None:
        self._session = session
        self._directory = directory
        self._turns: WeakValueDictionary[Address, _Turn] = WeakValueDictionary()

    @asynccontextmanager
    async def scan(self, address: Address, group: str, store_path: int) -> AsyncGenerator["PathNames"]:
        """List a store path. The server's next scan begins once all names have arrived, or the block is left."""
        turn = self._turns.setdefault(address, _Turn())
        with ExitStack() as held:
            await turn.take()
            held.callback(turn.release)
            client = await self._begun(address, group, store_path)
            held.callback(client.connection.release)
            with NameSpool(self._directory) as spool:
                yield PathNames(PathListing(client), spool, held.close)

    async def _begun(self, address: Address, group: str, store_path: int) -> StorageClient:
        async def begin(connection: FramedConnection) -> StorageClient:
            client = StorageClient(connection, group)
            await begin_listing(client, store_path)
            return client

        with translated(_OPERATION):
            try:
                return await self._session.begin(address, begin)
            except ServerRefusal as refusal:
                if refusal.status not in _MEANINGS:
                    raise
                raise _failed(
                    f"listing store path {store_path} of {group} at {address}: {_MEANINGS[refusal.status]} "
                    f"(status {refusal.status})"
                ) from refusal


class PathNames:
    """The names in a store path, each once; implements `Listed`.

    They are received as fast as the server sends them, and wait for their reader in bounded memory and, beyond that, in
    a temporary file: the server would cut off a slow reader.
    """

    def __init__(self, listing: PathListing, spool: NameSpool, release: Callable[[], None]) -> None:
        self._listing = listing
        self._spool = spool
        self._release = release
        self._fault: Fault | None = None
        self._sorted: Iterator[bytes] | None = None
        self._batch: Iterator[bytes] = iter(())

    @property
    def complete(self) -> bool:
        """See `Listed.complete`."""
        return self._listing.complete

    def __aiter__(self) -> AsyncIterator[str]:
        """See `Listed`."""
        return self

    async def __anext__(self) -> str:
        for name in self._batch:
            return name.decode("ascii")
        with translated(_OPERATION):
            if self._sorted is None:
                await self._receive()
                self._sorted = _of_files(self._spool.sorted())
            self._batch = iter(await _in_thread(partial(_taken, self._sorted)))
        for name in self._batch:
            return name.decode("ascii")
        if self._fault is not None:
            raise public_error(self._fault, _OPERATION) from self._fault
        raise StopAsyncIteration

    async def _receive(self) -> None:
        try:
            while (names := await self._listing.next_names()) is not None:
                self._spool.add(map(_sorting, names))
                if self._spool.is_full:
                    await _in_thread(self._spool.flush)
        except Fault as fault:
            self._fault = fault  # raised once what came before has been read
        finally:
            self._release()


class _Turn:
    """The lock that lets one scan at a time use a server."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[object] | None = None

    async def take(self) -> None:
        if self._task is not None and self._task is asyncio.current_task():
            raise _failed("listing: another listing of the server has been begun here, and must be read or left first")
        await self._lock.acquire()
        self._task = asyncio.current_task()

    def release(self) -> None:
        self._task = None
        self._lock.release()


def _sorting(name: bytes) -> bytes:
    """The name of a metadata file, in a form that sorts right behind the file's own."""
    return name[: -len(_METADATA)] + _METADATA_MARK if name.endswith(_METADATA) else name


def _of_files(names: Iterable[bytes]) -> Iterator[bytes]:
    """Leave out metadata files, also of files that are gone, but not slave files whose names end like theirs."""
    previous = b""
    for name in names:
        if not name.endswith(_METADATA_MARK):
            previous = name
            yield name
        elif (file := name.removesuffix(_METADATA_MARK)) != previous and _is_slaves(file):
            yield file + _METADATA


def _is_slaves(name: bytes) -> bool:
    decoded = FastdfsName.decode(name.decode("ascii"))
    return decoded is not None and decoded.shape in _SLAVES


def _taken(names: Iterator[bytes]) -> list[bytes]:
    return list(islice(names, _NAMES_AT_ONCE))


async def _in_thread[R](call: Callable[[], R]) -> R:
    # Waited for even when cancelled: the file must not be closed under a thread that works on it.
    try:
        return await completed(asyncio.to_thread(call))
    except OSError as error:
        raise SpoolFault(f"the temporary file of a listing failed: {error}") from error


def _failed(message: str) -> StorageOperationException:
    return StorageOperationException(message, operation=_OPERATION, backend=Backend.FASTDFS)
