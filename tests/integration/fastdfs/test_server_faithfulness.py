"""What a storage answers to bare requests: the same for a real FastDFS and for the protocol-level server."""

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.support.fastdfs.names import StoredName
from tests.support.fastdfs.protocol import BUFFER_SIZE, GROUP_FIELD, Command, Header, Status, numbers, text_field
from tests.support.fastdfs.raw import raw_connection
from tests.support.fastdfs.samples import CONTENT, GROUP, Sample, accepted, download, upload, upload_body

type MakeBody = Callable[[Sample], bytes]

OTHER_GROUP = text_field("group2", GROUP_FIELD)
NONSENSE = b"M00/00/00/" + b"x" * 34
SIZE = len(CONTENT)
CLOCK_SECONDS = 10  # the new name has the time of the last change, by another clock than the first name
TOO_LONG = BUFFER_SIZE - Header.FORMAT.size


@dataclass(frozen=True, slots=True)
class Exchange:
    what: str
    command: int
    body: MakeBody | bytes
    status: int = Status.OK
    answer: MakeBody | bytes = b""
    flags: int = 0


def target(name: str, group: bytes = GROUP) -> MakeBody:
    return lambda sample: group + getattr(sample, name)


def fetch(offset: int, size: int, name: str = "normal", group: bytes = GROUP) -> MakeBody:
    return lambda sample: numbers(offset, size) + group + getattr(sample, name)


def append(content: bytes, name: str = "appender", *, size: int | None = None) -> MakeBody:
    announced = len(content) if size is None else size
    return lambda sample: numbers(len(getattr(sample, name)), announced) + getattr(sample, name) + content


def modify(offset: int, content: bytes, name: str = "appender") -> MakeBody:
    return lambda sample: numbers(len(getattr(sample, name)), offset, len(content)) + getattr(sample, name) + content


def truncate(size: int, name: str = "appender") -> MakeBody:
    return append(b"", name, size=size)


def regenerate(name: str) -> MakeBody:
    return lambda sample: getattr(sample, name)


EXCHANGES = [
    Exchange("all of a file", Command.DOWNLOAD, fetch(0, 0), answer=CONTENT),
    Exchange("a range", Command.DOWNLOAD, fetch(2, 3), answer=CONTENT[2:5]),
    Exchange("the last byte", Command.DOWNLOAD, fetch(SIZE - 1, 1), answer=CONTENT[-1:]),
    Exchange("a range that reaches past the end", Command.DOWNLOAD, fetch(9, 100), answer=CONTENT[9:]),
    Exchange("a range from the very end", Command.DOWNLOAD, fetch(SIZE, 0), Status.INVALID),
    Exchange("a range behind the end", Command.DOWNLOAD, fetch(SIZE + 1, 1), Status.INVALID),
    Exchange("a negative offset", Command.DOWNLOAD, fetch(-1, 0), Status.INVALID),
    Exchange("a negative length", Command.DOWNLOAD, fetch(0, -1), Status.INVALID),
    Exchange("all of an appender", Command.DOWNLOAD, fetch(0, 0, "appender"), answer=CONTENT),
    Exchange("download of a missing file", Command.DOWNLOAD, fetch(0, 0, "missing"), Status.MISSING),
    Exchange("download from another group", Command.DOWNLOAD, fetch(0, 0, group=OTHER_GROUP), Status.INVALID),
    Exchange("download of nonsense", Command.DOWNLOAD, numbers(0, 0) + GROUP + NONSENSE, Status.MISSING),
    Exchange("download of a name without path", Command.DOWNLOAD, numbers(0, 0) + GROUP + b"x" * 44, Status.INVALID),
    Exchange("download of a short name", Command.DOWNLOAD, numbers(0, 0) + GROUP + b"abc", Status.INVALID),
    Exchange("download without a name", Command.DOWNLOAD, numbers(0, 0) + GROUP, Status.INVALID),
    Exchange("download without a group", Command.DOWNLOAD, numbers(0, 0), Status.INVALID),
    Exchange("delete of a missing file", Command.DELETE, target("missing"), Status.MISSING),
    Exchange("delete in another group", Command.DELETE, target("normal", OTHER_GROUP), Status.INVALID),
    Exchange("delete without a name", Command.DELETE, GROUP, Status.INVALID),
    Exchange("information on a missing file", Command.QUERY_INFO, target("missing"), Status.MISSING),
    Exchange("silent information on a missing file", Command.QUERY_INFO, target("missing"), Status.MISSING, flags=2),
    Exchange("information from another group", Command.QUERY_INFO, target("normal", OTHER_GROUP), Status.INVALID),
    Exchange("metadata of a file that has none", Command.GET_METADATA, target("normal"), Status.MISSING),
    Exchange("metadata of a missing file", Command.GET_METADATA, target("missing"), Status.MISSING),
    Exchange("metadata from another group", Command.GET_METADATA, target("normal", OTHER_GROUP), Status.INVALID),
    Exchange("append", Command.APPEND, append(b"!")),
    Exchange("append of nothing is echoed", Command.APPEND, append(b""), answer=append(b"")),
    Exchange("append to a normal file", Command.APPEND, append(b"!", "normal"), Status.INVALID),
    Exchange("append to a missing file", Command.APPEND, append(b"!", "missing_appender"), Status.MISSING),
    Exchange("append of less than announced", Command.APPEND, append(b"abc", size=4), Status.INVALID),
    Exchange("append of more than announced", Command.APPEND, append(b"abc", size=2), Status.INVALID),
    Exchange("append to nothing", Command.APPEND, numbers(0, 3) + b"abc", Status.INVALID),
    Exchange("append without a body", Command.APPEND, b"", Status.INVALID),
    Exchange("modify", Command.MODIFY, modify(0, b"H")),
    Exchange("modify across the end", Command.MODIFY, modify(SIZE - 1, b"D!")),
    Exchange("modify at the end", Command.MODIFY, modify(SIZE, b"!")),
    Exchange("modify behind the end", Command.MODIFY, modify(SIZE + 1, b"!"), Status.INVALID),
    Exchange("modify with nothing is echoed", Command.MODIFY, modify(3, b""), answer=modify(3, b"")),
    Exchange("modify a normal file", Command.MODIFY, modify(0, b"H", "normal"), Status.INVALID),
    Exchange("modify a missing file", Command.MODIFY, modify(0, b"H", "missing_appender"), Status.MISSING),
    Exchange("truncate", Command.TRUNCATE, truncate(3)),
    Exchange("truncate to more", Command.TRUNCATE, truncate(SIZE + 4)),
    Exchange("truncate to the same size is echoed", Command.TRUNCATE, truncate(SIZE), answer=truncate(SIZE)),
    Exchange("truncate a normal file", Command.TRUNCATE, truncate(3, "normal"), Status.INVALID),
    Exchange("truncate a missing file", Command.TRUNCATE, truncate(3, "missing_appender"), Status.MISSING),
    Exchange("truncate to less than nothing", Command.TRUNCATE, truncate(-1), Status.INVALID),
    Exchange("regenerate a normal file", Command.REGENERATE, regenerate("normal"), Status.INVALID),
    Exchange("regenerate a missing file", Command.REGENERATE, regenerate("missing_appender"), Status.MISSING),
    Exchange("regenerate with a group", Command.REGENERATE, target("appender"), Status.INVALID),
    Exchange("regenerate without a name", Command.REGENERATE, b"", Status.INVALID),
    Exchange("upload to a path that is not there", Command.UPLOAD, upload_body(path=1), Status.INVALID),
    Exchange("upload with a space in the extension", Command.UPLOAD, upload_body(extension=b"a b"), Status.INVALID),
    Exchange("upload with a slash in the extension", Command.UPLOAD, upload_body(extension=b"a/b"), Status.INVALID),
    Exchange("upload with a foreign extension", Command.UPLOAD, upload_body(extension=b"\xd1\x8f"), Status.INVALID),
    Exchange("upload of less than announced", Command.UPLOAD, upload_body(size=SIZE + 1), Status.INVALID),
    Exchange("upload of more than announced", Command.UPLOAD, upload_body(size=SIZE - 1), Status.INVALID),
    Exchange("upload of a negative size", Command.UPLOAD, upload_body(size=-1), Status.INVALID),
    Exchange("upload without a body", Command.UPLOAD, b"", Status.INVALID),
    Exchange("active test", Command.ACTIVE_TEST, b""),
    Exchange("active test with a body", Command.ACTIVE_TEST, b"abc", Status.INVALID),
    Exchange("a command of trackers", Command.STORE_ANYWHERE, b"", Status.INVALID),
    Exchange("an unknown command", 200, b"abc", Status.INVALID),
    Exchange("a request longer than the buffer", Command.DOWNLOAD, bytes(TOO_LONG), Status.INVALID),
]


@pytest.mark.parametrize("exchange", EXCHANGES, ids=lambda exchange: exchange.what)
async def test_a_storage_answers_as_the_table_says(exchange: Exchange, sample: Sample) -> None:
    async with raw_connection(sample.storage) as connection:
        reply = await connection.ask(exchange.command, _made(exchange.body, sample), flags=exchange.flags)

        assert reply is not None
        assert (reply.command, reply.status) == (Command.REPLY, exchange.status)
        assert reply.body == _made(exchange.answer, sample)
        # After "invalid" a storage hangs up. After "missing" the connection can be used again.
        survivor = await connection.ask(Command.ACTIVE_TEST)
        assert (survivor is None) == (exchange.status == Status.INVALID)


@pytest.mark.parametrize(
    ("extension", "tail"),
    [
        (b"", r"[0-9]{7}"),
        (b"a", r"[0-9]{5}\.a"),
        (b"txt", r"[0-9]{3}\.txt"),
        (b"JPEG", r"[0-9]{2}\.JPEG"),
        (b"ABCDEF", r"\.ABCDEF"),
        (b".txt", r"[0-9]{2}\.\.txt"),
        (b"a\0b", r"[0-9]{5}\.a"),
    ],
)
@pytest.mark.parametrize("path", [0, 0xFF])
async def test_an_uploaded_file_is_named_after_its_facts(
    extension: bytes, tail: str, path: int, sample: Sample
) -> None:
    async with raw_connection(sample.storage) as connection:
        reply = accepted(await connection.ask(Command.UPLOAD, upload_body(path=path, extension=extension)))
        name = reply.body[GROUP_FIELD:]
        accepted(await connection.ask(Command.DELETE, GROUP + name))

    stored = StoredName.issued(name)
    assert reply.body[:GROUP_FIELD] == GROUP
    assert len(name) == 44
    assert (stored.size, stored.crc32, stored.is_appender) == (SIZE, zlib.crc32(CONTENT), False)
    assert stored.address == sample.storage.partition(":")[0]
    assert re.fullmatch(tail, stored.tail)


@pytest.mark.parametrize("size", [0, 1, 300_000, 3_000_000])
async def test_files_of_any_size_come_back(size: int, sample: Sample) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    name = await upload(sample.storage, content[:size])
    async with raw_connection(sample.storage) as connection:
        reply = await connection.ask(Command.DOWNLOAD, numbers(0, 0) + GROUP + name)
        assert reply is not None
        assert (reply.status, reply.body) == ((Status.OK if size else Status.INVALID), content[:size])
    async with raw_connection(sample.storage) as connection:
        accepted(await connection.ask(Command.DELETE, GROUP + name))


@pytest.mark.parametrize(
    ("name", "flags", "crc"),
    [
        ("normal", 0, zlib.crc32(CONTENT)),
        ("normal", 1, zlib.crc32(CONTENT)),
        ("appender", 0, zlib.crc32(CONTENT)),
        ("appender", 1, 0),
        ("appender", 2, zlib.crc32(CONTENT)),
        ("appender", 3, 0),
    ],
)
async def test_information_has_size_time_crc_and_source(name: str, flags: int, crc: int, sample: Sample) -> None:
    async with raw_connection(sample.storage) as connection:
        file_name = getattr(sample, name)
        body = accepted(await connection.ask(Command.QUERY_INFO, GROUP + file_name, flags=flags)).body

    stored = StoredName.issued(file_name)
    assert body[:24] == numbers(SIZE, stored.created, crc)
    assert body[24:].rstrip(b"\0").decode("ascii") == stored.address
    assert len(body) in {40, 70}


async def test_a_crc_with_its_highest_bit_set_comes_as_a_negative_number(sample: Sample) -> None:
    content = b"b"
    async with raw_connection(sample.storage) as connection:
        accepted(await connection.ask(Command.APPEND, append(content)(sample)))
        body = accepted(await connection.ask(Command.QUERY_INFO, GROUP + sample.appender)).body

    crc = zlib.crc32(CONTENT + content)
    assert crc >> 31
    assert body[16:24] == numbers(crc - (1 << 32))


async def test_an_appender_grows_shrinks_and_becomes_a_normal_file_without_metadata(sample: Sample) -> None:
    async with raw_connection(sample.storage) as connection:
        accepted(await connection.ask(Command.APPEND, append(b"!")(sample)))
        accepted(await connection.ask(Command.MODIFY, modify(0, b"H")(sample)))
        accepted(await connection.ask(Command.TRUNCATE, truncate(SIZE - 1)(sample)))
        accepted(await connection.ask(Command.TRUNCATE, truncate(SIZE + 1)(sample)))
        metadata = numbers(len(sample.appender), 3) + b"O" + GROUP + sample.appender + b"a\x021"
        accepted(await connection.ask(Command.SET_METADATA, metadata))
        body = accepted(await connection.ask(Command.REGENERATE, sample.appender)).body
        name = body[GROUP_FIELD:]
        lost = await connection.ask(Command.GET_METADATA, GROUP + name)
        gone = await connection.ask(Command.DOWNLOAD, numbers(0, 0) + GROUP + sample.appender)
        content = await download(sample.storage, name)
        accepted(await connection.ask(Command.DELETE, GROUP + name))

    before, after = StoredName.issued(sample.appender), StoredName.issued(name)
    assert content == b"Hello worl\0\0"
    assert (after.size, after.crc32, after.is_appender) == (SIZE + 1, zlib.crc32(content), False)
    assert (after.source, after.tail) == (before.source, before.tail)
    assert after.created == pytest.approx(before.created, abs=CLOCK_SECONDS)
    assert lost is not None
    assert gone is not None
    assert lost.status == gone.status == Status.MISSING


async def test_a_deleted_file_is_missing_for_every_command(sample: Sample) -> None:
    set_metadata = numbers(len(sample.normal), 3) + b"O" + GROUP + sample.normal + b"a\x021"
    requests = {
        Command.DELETE: GROUP + sample.normal,
        Command.DOWNLOAD: numbers(0, 0) + GROUP + sample.normal,
        Command.QUERY_INFO: GROUP + sample.normal,
        Command.GET_METADATA: GROUP + sample.normal,
        Command.SET_METADATA: set_metadata,
    }
    async with raw_connection(sample.storage) as connection:
        accepted(await connection.ask(Command.DELETE, GROUP + sample.normal))
        replies = [await connection.ask(command, body) for command, body in requests.items()]

    assert [reply and reply.status for reply in replies] == [Status.MISSING] * len(requests)


async def test_a_request_may_come_byte_by_byte(sample: Sample) -> None:
    request = Header(GROUP_FIELD + len(sample.normal), Command.QUERY_INFO).encode() + GROUP + sample.normal
    async with raw_connection(sample.storage) as connection:
        for byte in request:
            await connection.send(bytes([byte]))
        accepted(await connection.reply())


@pytest.mark.parametrize("length", [0, 3])
async def test_quit_is_not_answered(length: int, sample: Sample) -> None:
    async with raw_connection(sample.storage) as connection:
        assert await connection.ask(Command.QUIT, bytes(length)) is None


async def test_a_negative_length_ends_the_connection(sample: Sample) -> None:
    async with raw_connection(sample.storage) as connection:
        assert await connection.ask(Command.UPLOAD, length=-1) is None


def _made(value: MakeBody | bytes, sample: Sample) -> bytes:
    return value if isinstance(value, bytes) else value(sample)
