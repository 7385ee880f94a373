"""Bytes on their way to a socket."""

import hashlib
import threading

import pytest

from s3py_helper.adapters.s3.http import payload as payload_module
from s3py_helper.adapters.s3.http.payload import Payload, payload_of

KIB = 1024


def test_pieces_are_views_that_keep_the_order_and_the_borders_of_chunks() -> None:
    chunks = b"12345", memoryview(b"67"), b"", bytearray(b"8")
    pieces = list(Payload(chunks, 8).pieces(2))  # type: ignore[arg-type]  # whatever has a buffer will do
    assert [bytes(piece) for piece in pieces] == [b"12", b"34", b"5", b"67", b"8"]
    assert all(isinstance(piece, memoryview) for piece in pieces)


@pytest.mark.parametrize(("size", "in_thread"), [(5, False), (256 * KIB - 1, False), (256 * KIB, True)])
async def test_hashing_much_does_not_hold_up_the_event_loop(
    monkeypatch: pytest.MonkeyPatch, size: int, in_thread: bool
) -> None:
    threads: list[threading.Thread] = []

    def sha256() -> object:
        threads.append(threading.current_thread())
        return hashlib.sha256()

    monkeypatch.setattr(payload_module, "sha256", sha256)
    content = bytes(size - 1) + b"x"
    assert await Payload((content[:3], content[3:]), size).sha256() == hashlib.sha256(content).hexdigest()
    assert (threads[0] is not threading.main_thread()) is in_thread


def test_a_buffer_knows_its_size_and_sum() -> None:
    assert (payload_of(b"123456789").size, payload_of(b"123456789").crc32) == (9, 0xCBF43926)
    assert payload_of(b"") == Payload()
