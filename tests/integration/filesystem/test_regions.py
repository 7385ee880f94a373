"""Large files are given to sockets by the system, and are checked all the same."""

import os
import socket
from collections.abc import AsyncIterator, Generator
from contextlib import closing
from pathlib import Path

import pytest

from s3py_helper.adapters.filesystem.disk.cached import CachedReads
from s3py_helper.adapters.filesystem.reader import CHUNK_SIZE, MOST_AT_ONCE
from s3py_helper.adapters.filesystem.store import FilesystemBlobStore
from s3py_helper.application.ports.region import Region
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import IntegrityException, StorageOperationException
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing import body_of, new_blob

SIZE = 2 * MOST_AT_ONCE + 3 * CHUNK_SIZE + 17

type Sockets = tuple[socket.socket, socket.socket]


@pytest.fixture
def sockets() -> Generator[Sockets]:
    """Both ends of a connection; the first does not block."""
    sender, receiver = socket.socketpair()
    with closing(sender), closing(receiver):
        sender.setblocking(False)
        yield sender, receiver


async def _stored(store: FilesystemBlobStore, content: bytes) -> FileId:
    """A file that the system has in memory, as it has just written it; skips where it does not tell."""
    file_id = (await store.write(new_blob(), body_of(content))).file_id
    async with store.open(file_id) as blob:
        assert blob.pieces is not None
        if all([isinstance(piece, bytes) async for piece in blob.pieces]):
            pytest.skip("this system, or its file system, does not say what it has in memory")
    return file_id


async def _bytes_of(pieces: AsyncIterator[bytes | Region], sockets: Sockets) -> tuple[bytes, list[type]]:
    sender, receiver = sockets
    taken, kinds = bytearray(), []
    async for piece in pieces:
        kinds.append(type(piece))
        if isinstance(piece, bytes):
            taken += piece
            continue
        sent = 0
        while sent < piece.size:
            count = piece.send(sender.fileno(), sent)
            sent += count
            while count:
                received = receiver.recv(count)
                taken += received
                count -= len(received)
    return bytes(taken), kinds


@pytest.mark.parametrize("byte_range", [None, ByteRange(5, None), ByteRange(300_000, SIZE - 2)], ids=str)
async def test_pieces_are_the_bytes_and_end_with_some_that_are_here(
    store: FilesystemBlobStore, sockets: Sockets, byte_range: ByteRange | None
) -> None:
    content = os.urandom(SIZE)
    file_id = await _stored(store, content)
    async with store.open(file_id, byte_range) as blob:
        assert blob.pieces is not None
        taken, kinds = await _bytes_of(blob.pieces, sockets)
        assert taken == content[blob.span.start : blob.span.stop]
    assert kinds[-1] is bytes
    assert set(kinds) != {bytes}


async def test_what_is_not_in_memory_is_read_in_threads(
    store: FilesystemBlobStore, sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = os.urandom(SIZE)
    file_id = await _stored(store, content)
    steps: list[int] = []
    step = CachedReads.step

    def every_other(cached: CachedReads, file: int, offset: int, most: int) -> memoryview:
        steps.append(offset)
        return step(cached, file, offset, most)[: 0 if len(steps) % 3 else 100_000]

    monkeypatch.setattr(CachedReads, "step", every_other)
    async with store.open(file_id) as blob:
        assert blob.pieces is not None
        taken, kinds = await _bytes_of(blob.pieces, sockets)
    assert taken == content
    assert kinds.count(bytes) > 5
    assert set(kinds) != {bytes}


@pytest.mark.parametrize("at", [0, CHUNK_SIZE + 1, SIZE - 1])
async def test_a_flipped_bit_is_noticed_before_the_last_piece(
    store: FilesystemBlobStore, root: Path, sockets: Sockets, at: int
) -> None:
    content = bytearray(os.urandom(SIZE))
    file_id = await _stored(store, bytes(content))
    with (root / "files" / file_id.key).open("r+b") as file:
        file.seek(at)
        file.write(bytes([content[at] ^ 1]))
    sizes: list[int] = []
    with pytest.raises(IntegrityException, match="CRC-32") as noticed:
        await _note_sizes(store, file_id, sizes)
    assert sum(sizes) < SIZE
    assert noticed.value.file_id == str(file_id)


async def _note_sizes(store: FilesystemBlobStore, file_id: FileId, sizes: list[int]) -> None:
    async with store.open(file_id) as blob:
        assert blob.pieces is not None
        async for piece in blob.pieces:
            sizes.append(len(piece) if isinstance(piece, bytes) else piece.size)  # noqa: PERF401 - it raises half-way


async def test_a_file_that_is_cut_short_while_it_is_sent_is_an_error(
    store: FilesystemBlobStore, root: Path, sockets: Sockets
) -> None:
    file_id = await _stored(store, bytes(SIZE))
    async with store.open(file_id) as blob:
        region = await _first_region(blob.pieces)
        os.truncate(root / "files" / file_id.key, 100)
        with pytest.raises(IntegrityException, match="cut short") as noticed:
            region.send(sockets[0].fileno(), 0)
    assert noticed.value.file_id == str(file_id)


async def test_a_region_of_a_store_that_was_closed_sends_nothing(store: FilesystemBlobStore, sockets: Sockets) -> None:
    file_id = await _stored(store, bytes(SIZE))
    async with store.open(file_id) as blob:
        region = await _first_region(blob.pieces)
        await store.__aexit__(None, None, None)
        with pytest.raises(StorageOperationException, match="not open"):
            region.send(sockets[0].fileno(), 0)


async def test_what_the_socket_says_is_not_blamed_on_the_disk(store: FilesystemBlobStore, sockets: Sockets) -> None:
    sender, receiver = sockets
    file_id = await _stored(store, bytes(SIZE))
    async with store.open(file_id) as blob:
        region = await _first_region(blob.pieces)
        while True:
            try:
                region.send(sender.fileno(), 0)
            except BlockingIOError:
                break
        receiver.close()
        with pytest.raises(BrokenPipeError):
            region.send(sender.fileno(), 0)


async def _first_region(pieces: AsyncIterator[bytes | Region] | None) -> Region:
    assert pieces is not None
    async for piece in pieces:
        if not isinstance(piece, bytes):
            return piece
    raise AssertionError("there was no region")
