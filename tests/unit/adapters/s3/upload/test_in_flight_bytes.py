"""How much of an upload is in memory."""

import asyncio

import pytest

from s3py_helper.adapters.s3.upload.in_flight_bytes import InFlightBytes

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
    gate = InFlightBytes(parts, configured * MIB)
    assert len(await admitted(gate, [size * MIB] * 99)) == expected


async def test_whoever_waits_goes_on_when_there_is_room() -> None:
    gate = InFlightBytes(4, 8 * MIB)
    for _ in range(2):
        await gate.acquire(64 * MIB)
    waiting = asyncio.ensure_future(gate.acquire(128 * MIB))
    await asyncio.sleep(0)
    gate.release(64 * MIB)
    await asyncio.sleep(0)
    assert not waiting.done(), "128 MiB and 64 MiB are too much together"
    gate.release(64 * MIB)
    await waiting
