"""How far a large request has got."""

import socket
from contextlib import closing

import pytest

from s3py_helper.adapters.s3.http import sending as sending_module
from s3py_helper.adapters.s3.http.connection import HttpConnection
from s3py_helper.adapters.s3.http.sending import Sending
from tests.support.s3.fake_transport import FakeTransport


@pytest.fixture
def unconfirmed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What the other side's kernel has not confirmed."""
    count = [0]
    monkeypatch.setattr(sending_module, "unacknowledged", lambda _connected: count[0])
    return count


async def test_only_fewer_bytes_than_ever_are_progress(unconfirmed: list[int]) -> None:
    connected, other = socket.socketpair()
    with closing(connected), closing(other):
        transport = FakeTransport(HttpConnection(connected, 5, 5))
        sending = Sending(transport, connected)
        seen: list[bool] = []
        for transport.buffered, unconfirmed[0] in (
            (9, 5),
            (9, 5),
            (8, 6),
            (8, 5),
            (9, 4),
            (9, 9),
            (8, 5),
            (0, 0),
            (0, 0),
        ):
            assert sending.unsent == transport.buffered + unconfirmed[0]
            seen.append(sending.has_moved())
    assert seen == [True, False, False, True, False, False, False, True, False]
