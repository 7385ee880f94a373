"""What becomes of metadata, damages included: the same on a real FastDFS and on the protocol-level server."""

import pytest

from tests.support.fastdfs.protocol import BUFFER_SIZE, GROUP_FIELD, Command, Header, Status, numbers, text_field
from tests.support.fastdfs.raw import RawConnection, RawReply, raw_connection
from tests.support.fastdfs.samples import GROUP, Sample, accepted

FIXED = 8 + 8 + 1 + GROUP_FIELD


def request(sample: Sample, metadata: bytes, flag: bytes = b"O", group: bytes = GROUP) -> bytes:
    return numbers(len(sample.normal), len(metadata)) + flag + group + sample.normal + metadata


async def stored(connection: RawConnection, sample: Sample) -> bytes | None:
    reply = await connection.ask(Command.GET_METADATA, GROUP + sample.normal)
    assert reply is not None
    return reply.body if reply.status == Status.OK else None


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"a\x021", b"a\x021"),
        (b"b\x022\x01a\x021", b"a\x021\x01b\x022"),
        (b"b\x021\x01B\x022\x01a\x023\x01\xd0\x024", b"B\x022\x01a\x023\x01b\x021\x01\xd0\x024"),
        (b"k\x021\x01k\x022", b"k\x021\x01k\x022"),
        (b"n\x02", b"n\x02"),
        (b"\x02v", b"\x02v"),
        (b"a\x021\x022\x01b\x023", b"a\x021\x022\x01b\x023"),
        (b"plain", b"plain"),
        (b"plain\x01other", b"plain\0other"),
        (b"b\x021\x01plain\x01a\x022", b"a\x022\x01b\x021\0n\0a\x022"),
        (b"a\x021\x01", b"a\x021\0"),
        (b"n\x02x\x01y", b"n\x02x\0y"),
        (b"N" * 64 + b"\x02v\x01z\x021", b"N" * 64 + b"\x02v\x01z\x021"),
        (b"N" * 67 + b"\x02v\x01b\x021", b"N" * 64 + b"\x02v\x01b\x021\0\x021"),
        (b"n\x02" + b"V" * 256, b"n\x02" + b"V" * 256),
        (b"n\x02" + b"V" * 258, b"n\x02" + b"V" * 256 + b"\0V"),
        (b"", None),
    ],
)
@pytest.mark.parametrize("flag", [b"O", b"M"])
async def test_first_metadata(sent: bytes, kept: bytes | None, flag: bytes, sample: Sample) -> None:
    async with raw_connection(sample.storage) as connection:
        accepted(await connection.ask(Command.SET_METADATA, request(sample, sent, flag)))
        assert await stored(connection, sample) == kept


@pytest.mark.parametrize(
    ("before", "sent", "kept"),
    [
        (b"a\x021\x01b\x022", b"c\x023\x01a\x029", b"a\x029\x01b\x022\x01c\x023"),
        (b"a\x021", b"", b"a\x021"),
        (b"a\x021", b"plain", b"a\x021"),
        (b"a\x021", b"m\x02x\x01y", b"a\x021\x01m\x02x"),
        (b"a\x021", b"m\x02" + b"W" * 258 + b"\x01" + b"N" * 66 + b"\x022",
         b"N" * 64 + b"\x022\x01a\x021\x01m\x02" + b"W" * 256),
        (b"k\x021\x01k\x022", b"k\x023", b"k\x023\x01k\x022"),
        (b"a\x021\x01b\x022", b"b\x023\x01b\x024", b"a\x021\x01b\x023\x01b\x024"),
    ],
)  # fmt: skip
async def test_merged_metadata(before: bytes, sent: bytes, kept: bytes, sample: Sample) -> None:
    async with raw_connection(sample.storage) as connection:
        accepted(await connection.ask(Command.SET_METADATA, request(sample, before)))
        accepted(await connection.ask(Command.SET_METADATA, request(sample, sent, b"M")))
        assert await stored(connection, sample) == kept


async def test_overwriting_with_nothing_removes_metadata(sample: Sample) -> None:
    async with raw_connection(sample.storage) as connection:
        accepted(await connection.ask(Command.SET_METADATA, request(sample, b"a\x021")))
        accepted(await connection.ask(Command.SET_METADATA, request(sample, b"")))
        assert await stored(connection, sample) is None


async def test_the_whole_request_is_bounded(sample: Sample) -> None:
    room = BUFFER_SIZE - Header.FORMAT.size - FIXED - len(sample.normal)

    assert (await _set(sample, request(sample, b"a\x02".ljust(room - 1, b"v")))).status == Status.OK
    assert (await _set(sample, request(sample, b"a\x02".ljust(room, b"v")))).status == Status.INVALID


@pytest.mark.parametrize("fault", ["flag", "group", "missing", "announced more", "announced less", "nothing"])
async def test_a_wrong_request_is_refused(fault: str, sample: Sample) -> None:
    right = request(sample, b"a\x021")
    bodies = {
        "flag": request(sample, b"a\x021", b"X"),
        "group": request(sample, b"a\x021", group=text_field("group2", GROUP_FIELD)),
        "missing": right.replace(sample.normal, sample.missing),
        "announced more": right[:8] + numbers(4) + right[16:],
        "announced less": right[:8] + numbers(2) + right[16:],
        "nothing": b"",
    }
    expected = Status.MISSING if fault == "missing" else Status.INVALID

    assert (await _set(sample, bodies[fault])).status == expected


async def _set(sample: Sample, body: bytes) -> RawReply:
    async with raw_connection(sample.storage) as connection:
        reply = await connection.ask(Command.SET_METADATA, body)
    assert reply is not None
    return reply
