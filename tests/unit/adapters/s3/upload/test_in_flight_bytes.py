"""How much of an upload is in memory."""

import asyncio

import pytest

from s3py_helper.adapters.s3.upload.in_flight_bytes import InFlightBytes
from s3py_helper.adapters.s3.upload_memory import UploadMemory

pytestmark = pytest.mark.timeout(20)

MIB = 1024 * 1024


async def admitted(gate: InFlightBytes, sizes: list[int]) -> list[int]:
    """As many of the parts as are admitted without one being released."""
    admitted: list[int] = []
    for size in sizes:
        waiting = asyncio.ensure_future(gate.acquire(size))
        await asyncio.sleep(0)
        if not waiting.done():
            waiting.cancel()
            await asyncio.wait([waiting])
            break
        admitted.append(size)
    return admitted


@pytest.mark.parametrize(
    ("parts", "configured", "size", "expected"),
    [
        (4, 8, 8, 4),
        (4, 8, 32, 4),
        (4, 8, 33, 3),
        (4, 8, 64, 2),
        (4, 8, 65, 1),
        (4, 8, 525, 1),
        (4, 8, 5 * 1024, 1),
        (64, 8, 8, 64),
        (64, 8, 16, 32),
        (4, 1024, 1024, 4),
        (1, 8, 8, 1),
    ],
)
async def test_parts_are_bounded_by_number_and_by_bytes(parts: int, configured: int, size: int, expected: int) -> None:
    gate = InFlightBytes(UploadMemory(5 * MIB), parts, configured * MIB)
    assert len(await admitted(gate, [size * MIB] * 99)) == expected


async def test_whoever_waits_goes_on_when_there_is_room() -> None:
    gate = InFlightBytes(UploadMemory(5 * MIB), 4, 8 * MIB)
    for _ in range(2):
        await gate.acquire(64 * MIB)
    waiting = asyncio.ensure_future(gate.acquire(128 * MIB))
    await asyncio.sleep(0)
    gate.release(64 * MIB)
    await asyncio.sleep(0)
    assert not waiting.done(), "128 MiB and 64 MiB are too much together"
    gate.release(64 * MIB)
    await waiting


def _uploads(count: int, memory: int) -> list[InFlightBytes]:
    shared = UploadMemory(memory * MIB)
    return [InFlightBytes(shared, 4, 8 * MIB) for _ in range(count)]


async def test_each_upload_has_one_part_whatever_the_others_have() -> None:
    uploads = _uploads(30, memory=8)
    for upload in uploads:
        assert await admitted(upload, [8 * MIB] * 2) == [8 * MIB] * (2 if upload is uploads[0] else 1)
    # And goes on with the next, while all others stall.
    for _ in range(5):
        uploads[-1].release(8 * MIB)
        assert await admitted(uploads[-1], [8 * MIB] * 2) == [8 * MIB]


async def test_uploads_share_what_there_is_for_further_parts() -> None:
    one, other, third = _uploads(3, memory=40)
    await one.acquire(8 * MIB)
    await other.acquire(8 * MIB)
    assert len(await admitted(one, [8 * MIB] * 9)) == 3
    assert await admitted(other, [8 * MIB]) == []
    assert await admitted(third, [8 * MIB] * 2) == [8 * MIB]
    one.release(8 * MIB)
    assert await admitted(other, [8 * MIB]) == []
    one.release(8 * MIB)
    assert await admitted(other, [8 * MIB] * 2) == [8 * MIB]


async def test_what_one_upload_gives_back_wakes_those_that_wait() -> None:
    one, other = _uploads(2, memory=16)
    await one.acquire(8 * MIB)
    await other.acquire(8 * MIB)
    waiting = [asyncio.ensure_future(upload.acquire(8 * MIB)) for upload in (one, other)]
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)
    other.release(8 * MIB)
    await asyncio.wait_for(asyncio.gather(*waiting), 10)


async def test_an_upload_that_ends_gives_back_all_and_one_that_is_cancelled_takes_nothing() -> None:
    shared = UploadMemory(16 * MIB)
    with InFlightBytes(shared, 4, 8 * MIB) as one, InFlightBytes(shared, 4, 8 * MIB) as other:
        await other.acquire(8 * MIB)
        with pytest.raises(OSError, match="broke"):
            await _broken(shared)
        await one.acquire(8 * MIB)
        waiting = asyncio.ensure_future(one.acquire(8 * MIB))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert not shared.scarce
    assert shared.admits(10**15, own=0), "nothing is held"


async def _broken(shared: UploadMemory) -> None:
    with InFlightBytes(shared, 4, 8 * MIB) as upload:
        await upload.acquire(8 * MIB)
        assert not shared.scarce
        await upload.acquire(0)
        raise OSError("broke")


async def test_memory_is_counted_to_the_byte() -> None:
    memory = UploadMemory(10)
    assert memory.admits(99, 0), "whoever is alone has what it needs"
    memory.acquire(10)
    assert not memory.scarce
    assert memory.admits(99, 10)
    assert not memory.admits(1, 9)
    memory.release(1)
    assert memory.admits(1, 0)
    assert not memory.admits(2, 0)
    memory.acquire(2)
    assert memory.scarce
