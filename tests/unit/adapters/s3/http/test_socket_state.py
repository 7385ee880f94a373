"""What the kernel says of a connection."""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from s3py_helper.adapters.s3.http.socket_state import poll_for_input, reset_when_closed, unacknowledged, unread


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with closing(ours), closing(theirs):
        yield ours, theirs


def test_whether_something_has_come(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    poll = poll_for_input(ours)
    assert not poll.poll(0)
    theirs.send(b"x")
    assert poll.poll(0)
    ours.recv(1)
    assert not poll.poll(0)
    theirs.close()
    assert poll.poll(0)


@pytest.mark.parametrize(("at_most", "pieces"), [(4, [b"1234"]), (8, [b"12345678"]), (9, [b"12345678"])])
def test_what_has_come_is_read_up_to_a_limit(
    ends: tuple[socket.socket, socket.socket], at_most: int, pieces: list[bytes]
) -> None:
    ours, theirs = ends
    theirs.send(b"12345678")
    assert list(unread(ours, at_most)) == pieces


def test_what_comes_in_several_pieces_is_read_whole(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.send(b"123")
    pieces: list[bytes] = []
    for piece in unread(ours, 5):
        pieces.append(piece)
        theirs.send(b"456")
    assert pieces == [b"123", b"456"]


def test_a_socket_is_reset_when_it_is_closed() -> None:
    with socket.socket() as connected:
        reset_when_closed(connected)
        assert struct.unpack("ii", connected.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)) == (1, 0)


def test_what_the_system_does_not_say_is_no_error() -> None:
    with socket.socket() as connected:
        connected.close()
        assert list(unread(connected, 9)) == []
        reset_when_closed(connected)
    with Path(os.devnull).open("rb") as other_kind:
        assert unacknowledged(other_kind) == 0  # type: ignore[arg-type]  # all that is asked for is its descriptor
