"""In which segments a request goes, how long a reply may take, and what a connection is good for after it."""

import errno

import pytest

from s3py_helper.adapters.fastdfs.protocol.connection import FramedConnection
from s3py_helper.adapters.fastdfs.protocol.faults import ConnectionFault, Fault, ProtocolFault, ServerRefusal
from s3py_helper.adapters.fastdfs.protocol.messages import ask, reply, request
from tests.support.fastdfs.scripted_channel import PEER, ScriptedChannel
from tests.support.fastdfs.scripted_channel import reply as answer

_QUERY, _UPLOAD, _LARGE = 22, 11, 70_000
_BROKEN = BrokenPipeError(errno.EPIPE, "Broken pipe")


def _header(size: int, command: int = _UPLOAD) -> bytes:
    return size.to_bytes(8) + bytes([command, 0])


@pytest.mark.parametrize(
    ("pieces", "segments"),
    [
        ([_header(0)], [_header(0)]),
        ([_header(4), b"body"], [_header(4) + b"body"]),
        ([_header(8), b"body", b"rest"], [_header(8) + b"bodyrest"]),
        ([_header(600), b"x" * 600], [_header(600) + b"x" * 600]),
        ([_header(1000), b"x" * 600, b"y" * 100, b"z" * 300], [_header(1000) + b"x" * 600, b"y" * 100 + b"z" * 300]),
        ([_header(_LARGE), b"x" * _LARGE], [_header(_LARGE), b"x" * _LARGE]),
        ([_header(65_536), memoryview(b"x" * 65_536)], [_header(65_536) + b"x" * 65_536]),
        ([_header(602) + b"x" * 502, b"y" * 100], [_header(602) + b"x" * 502, b"y" * 100]),
    ],
    ids=["header", "fields", "three", "joined", "later ones", "large", "largest joined", "long beginning"],
)
async def test_a_small_beginning_goes_with_what_follows_it(pieces: list[bytes], segments: list[bytes]) -> None:
    channel = ScriptedChannel()
    connection = channel.connection()
    for piece in pieces:
        await connection.send(piece)
    assert channel.sent == segments


async def test_a_reply_is_to_come_whole_within_two_timeouts_and_what_is_allowed_besides() -> None:
    channel = ScriptedChannel(answer(b"pong"), answer(b"pong")[:12], answer(b"pong")[12:])
    connection = channel.connection()
    assert channel.allowance == 0, "the last user's is nobody's"
    assert await ask(connection, _QUERY, allowance=7) == b"pong"
    assert channel.allowance == 0
    assert await ask(connection, _QUERY) == b"pong"
    assert channel.notes == [
        "unbound", "bound 13", "waits 3 + 7",
        "unbound", "bound 6", "waits 3 + 0", "waits 3 + 0",
    ]  # fmt: skip


async def test_content_may_take_its_time() -> None:
    channel = ScriptedChannel(answer(b"content", length=14), b"content")
    connection = channel.connection()
    await connection.send(request(_QUERY, 0, b""))
    assert await connection.begin_reply() == 14
    connection.expect_content()
    assert channel.notes[-1] == "unbound"
    assert await connection.receive_exactly(14) == b"contentcontent"
    assert connection.is_reusable


@pytest.mark.parametrize("size", [1, 3, 4, 7])
async def test_bytes_that_came_with_the_header_are_taken_as_they_are_asked_for(size: int) -> None:
    connection = ScriptedChannel(answer(b"0123456789")).connection()
    await connection.send(request(_QUERY, 0, b""))
    assert await connection.begin_reply() == 10
    assert await connection.receive(size) == b"0123456789"[:size]
    assert await connection.receive_exactly(10 - size) == b"0123456789"[size:]
    assert connection.is_reusable
    with pytest.raises(ProtocolFault, match="has no more bytes"):
        await connection.receive(1)
    assert not connection.is_reusable


@pytest.mark.parametrize(
    ("end", "told"),
    [(b"", None), (TimeoutError("sent no byte"), "sent no byte"),
     (ConnectionResetError(errno.ECONNRESET, "reset"), "reset, 6 bytes before the end of its reply")],
    ids=["closed", "silent", "reset"],
)  # fmt: skip
async def test_a_reply_without_an_end_of_its_own_ends_with_the_connection(
    end: bytes | OSError, told: str | None
) -> None:
    channel = ScriptedChannel(answer(b"ahead", length=14), b"now", end)
    connection = channel.connection()
    with pytest.raises(ProtocolFault, match="has an end of its own"):
        await channel.connection().receive_until_closed(100, allowance=5)
    await connection.send(request(_QUERY, 0, b""))
    await connection.begin_reply()
    assert await connection.receive_until_closed(3, allowance=5) == b"ahe"
    assert await connection.receive_until_closed(100, allowance=5) == b"ad"
    assert channel.allowance == 0, "nothing has been waited for"
    assert await connection.receive_until_closed(100, allowance=5) == b"now"
    assert channel.notes[-1] == "waits 3 + 5"
    if told is None:
        assert await connection.receive_until_closed(100, allowance=5) == b""
    else:
        with pytest.raises(ConnectionFault) as raised:
            await connection.receive_until_closed(100, allowance=5)
        assert (raised.value.message, raised.value.stale) == (told, False)
    assert not connection.is_reusable


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        (answer(status=28), 28),
        (answer(status=28, command=99), None),
        (answer(), None),
        (answer(status=28)[:9], None),
        (b"", None),
        (TimeoutError("sent no byte"), None),
        (ConnectionResetError(errno.ECONNRESET, "reset"), None),
    ],
    ids=["a refusal", "no reply", "no refusal", "a part", "nothing", "silence", "a reset"],
)
async def test_a_server_that_takes_no_more_may_have_said_why(word: bytes | OSError, expected: int | None) -> None:
    channel = ScriptedChannel(word)
    channel.fails_to_send = _BROKEN
    connection = channel.connection()
    with pytest.raises(Fault) as raised:
        await connection.send(request(_UPLOAD, 600, b"x" * 600))
    if expected is None:
        assert type(raised.value) is ConnectionFault
        assert raised.value.message == "Broken pipe"
        assert not raised.value.stale
    else:
        assert type(raised.value) is ServerRefusal
        assert raised.value.status == expected
    assert not connection.is_reusable


async def test_a_server_that_takes_nothing_is_not_asked_why() -> None:
    channel = ScriptedChannel(answer(status=28))
    channel.fails_to_send = TimeoutError("took no byte within 3 s")
    with pytest.raises(ConnectionFault, match="took no byte within 3 s"):
        await channel.connection().send(request(_QUERY, 0, b""))
    assert channel.notes == ["unbound"]


async def test_what_disturbs_a_connection_counts_only_between_two_requests_of_one_user() -> None:
    channel = ScriptedChannel(answer(b"pong"))
    channel.is_disturbed = True
    connection = channel.connection(reused=True)
    assert await ask(connection, _QUERY) == b"pong", "its pool has looked before"
    sent = list(channel.sent)
    with pytest.raises(ConnectionFault, match="closed the connection, or sent more than was asked for") as raised:
        await ask(connection, _QUERY)
    assert raised.value.stale, "repeatable work goes on over a new one"
    assert not connection.was_dead
    assert channel.sent == sent


@pytest.mark.parametrize("reused", [False, True], ids=["new", "reused"])
@pytest.mark.parametrize("came", [b"", answer(b"pong")[:5], answer(b"pong")[:-1]], ids=["nothing", "a part", "most"])
async def test_a_server_that_falls_silent_is_dead_only_if_a_kept_connection_gave_not_a_byte(
    came: bytes, *, reused: bool
) -> None:
    connection = ScriptedChannel(*([came] if came else []), TimeoutError("sent no byte")).connection(reused=reused)
    with pytest.raises(ConnectionFault, match="sent no byte") as silent:
        await ask(connection, _QUERY)
    assert silent.value.stale is connection.was_dead is (reused and not came)
    assert not connection.is_reusable


async def test_silence_after_a_whole_reply_is_no_dead_connection() -> None:
    connection = ScriptedChannel(answer(b"pong"), TimeoutError("sent no byte")).connection(reused=True)
    await ask(connection, _QUERY)
    with pytest.raises(ConnectionFault, match="sent no byte") as silent:
        await ask(connection, _QUERY)
    assert (silent.value.stale, connection.was_dead) == (False, False)


@pytest.mark.parametrize("how", ["released", "aborted"])
async def test_one_that_was_given_back_sends_nothing_more(how: str) -> None:
    channel, released = ScriptedChannel(answer(b"pong")), list[FramedConnection]()
    connection = channel.connection(released=released)
    if how == "released":
        async with connection:
            await ask(connection, _QUERY)
            assert connection.is_reusable
            channel.sent.clear()
        assert released == [connection]
    else:
        connection.abort()
    assert channel.was_aborted is (how == "aborted")
    assert not connection.is_reusable
    with pytest.raises(ConnectionFault, match="the connection is closed"):
        await connection.send(request(_QUERY, 0, b""))
    assert channel.sent == []


async def test_no_reply_is_read_that_nobody_asked_for() -> None:
    connection = ScriptedChannel(answer(b"pong")).connection()
    with pytest.raises(ProtocolFault, match="no reply is due"):
        await connection.begin_reply()
    assert not connection.is_reusable
    connection = ScriptedChannel().connection()
    with pytest.raises(ProtocolFault, match="a request begins with 10 bytes, not 3") as raised:
        await connection.send(b"abc")
    assert raised.value.peer is PEER
    assert not connection.is_reusable


async def test_an_answer_that_is_too_long_to_be_held_is_not_read() -> None:
    for length, is_fine in ((1024 * 1024, True), (1024 * 1024 + 1, False)):
        channel = ScriptedChannel(answer(length=length), bytes(length))
        connection = channel.connection()
        await connection.send(request(_QUERY, 0, b""))
        if is_fine:
            assert len(await reply(connection)) == length
        else:
            with pytest.raises(ProtocolFault, match="announced an answer of 1048577 bytes"):
                await reply(connection)
            assert not connection.is_reusable
