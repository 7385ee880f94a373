import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.adapters.fastdfs.protocol.framing import HEADER, Framing, FramingError, Phase

_DELETE, _REPLY = 12, 100


def _waiting(command: int = _DELETE) -> Framing:
    framing = Framing()
    framing.sending(HEADER.pack(0, command, 0))
    return framing


def test_an_exchange_ends_with_the_last_byte_of_the_reply() -> None:
    framing = Framing()
    phases = [framing.phase]
    framing.sending(HEADER.pack(5, _DELETE, 0) + b"ab")
    phases.append(framing.phase)
    framing.sending(b"cde")
    phases.append(framing.phase)
    framing.reply_begins(HEADER.pack(3, _REPLY, 0))
    phases.append(framing.phase)
    framing.received(2)
    phases.append(framing.phase)
    framing.received(1)
    phases.append(framing.phase)
    assert phases == [
        Phase.IDLE,
        Phase.SENDING,
        Phase.WAITING,
        Phase.RECEIVING,
        Phase.RECEIVING,
        Phase.IDLE,
    ]


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=10))
def test_a_request_may_come_in_any_pieces(pieces: list[bytes]) -> None:
    framing = Framing()
    framing.sending(HEADER.pack(sum(map(len, pieces)), _DELETE, 0))
    for piece in pieces:
        assert framing.phase is Phase.SENDING
        framing.sending(piece)
    assert framing.phase is Phase.WAITING


def test_a_reply_without_a_body_is_over_at_once() -> None:
    framing = _waiting()
    framing.reply_begins(HEADER.pack(0, _REPLY, 2))
    assert (framing.phase, framing.status) == (Phase.IDLE, 2)


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        (b"HTTP/1.1 4", "48 54 54 50"),
        (HEADER.pack(3, 99, 0), "does not begin with a header"),
        (HEADER.pack(1 << 63, _REPLY, 0), "does not begin with a header"),
    ],
)
def test_what_is_no_header_is_refused(header: bytes, problem: str) -> None:
    with pytest.raises(FramingError, match=problem):
        _waiting().reply_begins(header)


def test_nothing_is_sent_before_the_reply_is_read() -> None:
    framing = _waiting()
    with pytest.raises(FramingError, match="was not read to its end"):
        framing.sending(HEADER.pack(0, _DELETE, 0))


def test_a_request_does_not_begin_with_half_a_header() -> None:
    with pytest.raises(FramingError, match="not 9"):
        Framing().sending(bytes(9))


def test_no_byte_too_many_in_either_direction() -> None:
    framing = Framing()
    with pytest.raises(FramingError, match="1 bytes more than its header announced"):
        framing.sending(HEADER.pack(2, _DELETE, 0) + b"abc")
    framing = _waiting()
    framing.reply_begins(HEADER.pack(2, _REPLY, 0))
    with pytest.raises(FramingError, match="3 bytes of a reply that has 2 left"):
        framing.received(3)


def test_no_reply_comes_unasked() -> None:
    with pytest.raises(FramingError, match="no reply is due"):
        Framing().reply_begins(HEADER.pack(0, _REPLY, 0))


@pytest.mark.parametrize("length", [0, 44])
@pytest.mark.parametrize("status", [0, 28])
@pytest.mark.parametrize("command", range(10, 40))
def test_a_refusal_may_leave_bytes_that_the_server_takes_for_a_request_or_announce_some_that_do_not_come(
    command: int, status: int, length: int
) -> None:
    framing = _waiting(command)
    framing.reply_begins(HEADER.pack(length, _REPLY, status))
    with_content = {11, 13, 21, 23, 24, 34}
    assert framing.is_lost is (status != 0 and (command in with_content or length > 0))
