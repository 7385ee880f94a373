"""One answer, however the network cuts it."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.adapters.s3.http.faults import BrokenOff, Disconnected, NotHttp
from s3py_helper.adapters.s3.http.parsing import LARGEST_HEAD, ResponseParser

SIZED = b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 5\r\n\r\nhello'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
INTERIM = b"HTTP/1.1 100 Continue\r\nX-Only: interim\r\n\r\n" + SIZED


def fed(*pieces: bytes, bodyless: bool = False) -> ResponseParser:
    parser = ResponseParser(bodyless=bodyless)
    for piece in pieces:
        parser.feed(piece)
    return parser


def body_of(parser: ResponseParser) -> bytes:
    held = parser.held
    body = b"".join(iter(parser.take, b""))
    assert (held, parser.held) == (len(body), 0)
    return body


@given(message=st.sampled_from([SIZED, CHUNKED, INTERIM]), cuts=st.lists(st.integers(0, 130), max_size=6))
def test_an_answer_is_the_same_however_it_is_cut(message: bytes, cuts: list[int]) -> None:
    borders = [0, *sorted(min(cut, len(message)) for cut in cuts), len(message)]
    pieces = [message[start:stop] for start, stop in pairwise(borders) if start < stop]
    parser = fed(*pieces)
    assert (parser.status, body_of(parser)) == (200, b"hello")
    assert parser.complete
    assert parser.keeps_alive
    assert "x-only" not in parser.headers


def test_names_of_headers_are_in_lower_case_and_repeated_ones_are_joined() -> None:
    head = b"HTTP/1.1 200 OK\r\nA-Name: 1\r\nA-NAME: 2\r\nB: \xd0\xaf\xff\r\nContent-Length: 0\r\n\r\n"
    assert fed(head).headers == {"a-name": "1, 2", "b": "Я\ufffd", "content-length": "0"}


def test_a_body_of_known_length_is_passed_on_uncopied() -> None:
    head, piece = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"123456789"
    assert fed(head, piece).take() is piece


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"HTTP/1.1 404 No\r\n\r\n"])
def test_an_answer_to_head_has_no_body_whatever_it_says(head: bytes) -> None:
    parser = fed(head, bodyless=True)
    assert parser.complete
    assert not parser.take()


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_some_statuses_have_no_body(status: bytes) -> None:
    parser = fed(b"HTTP/1.1 " + status + b"\r\nETag: x\r\n\r\n")
    assert parser.complete
    assert parser.keeps_alive


@pytest.mark.parametrize(
    "message",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        SIZED + b"surplus",
        SIZED + SIZED,
        CHUNKED + b"surplus",
    ],
)
def test_a_connection_that_must_not_be_used_again_is_told(message: bytes) -> None:
    parser = fed(message)
    assert parser.complete
    assert not parser.keeps_alive
    assert body_of(parser) in {b"", b"hello"}


def test_bytes_after_the_end_spoil_the_connection_and_nothing_else() -> None:
    parser = fed(SIZED[:-2], b"lo and more", b"and more")
    assert body_of(parser) == b"hello"
    assert not parser.keeps_alive


@pytest.mark.parametrize(
    "message",
    [
        b"garbage",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nBroken\r\n\r\n",
    ],
)
def test_what_is_no_answer_is_an_error(message: bytes) -> None:
    with pytest.raises(NotHttp):
        fed(message)


def test_a_head_without_end_is_an_error() -> None:
    line = b"X: y\r\n"
    with pytest.raises(NotHttp):
        fed(b"HTTP/1.1 200 OK\r\n", *[line] * (LARGEST_HEAD // len(line) + 1))


@pytest.mark.parametrize("message", [SIZED, CHUNKED])
def test_an_answer_that_ends_too_early_is_an_error_wherever_it_ends(message: bytes) -> None:
    for length in range(len(message)):
        parser = fed(message[:length]) if length else ResponseParser()
        with pytest.raises(BrokenOff if length else Disconnected):
            parser.feed_end()


def test_an_answer_without_length_ends_with_the_connection() -> None:
    parser = fed(b"HTTP/1.1 500 Oops\r\n\r\n", b"all of ", b"it")
    assert not parser.complete
    parser.feed_end()
    assert (parser.complete, parser.keeps_alive, body_of(parser)) == (True, False, b"all of it")
