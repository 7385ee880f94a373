"""One answer, however the network cuts it."""

import gc
import weakref
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.adapters.s3.http.faults import BrokenOff, Disconnected, NotHttp
from s3py_helper.adapters.s3.http.parsing import ResponseParser

LARGEST_HEAD = 64 * 1024
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


@pytest.mark.parametrize("rest", [(b"lo and more", b"and more"), (b"lo and more",), (b"lo!",), (b"lo", b"!")])
def test_bytes_after_the_end_spoil_the_connection_and_nothing_else(rest: tuple[bytes, ...]) -> None:
    parser = fed(SIZED[:-2], *rest)
    assert body_of(parser) == b"hello"
    assert (parser.complete, parser.has_surplus, parser.keeps_alive) == (True, True, False)


def test_the_end_of_the_connection_leaves_a_complete_response_as_it_is() -> None:
    parser = fed(SIZED)
    parser.feed_end()
    assert (parser.complete, parser.keeps_alive, body_of(parser)) == (True, False, b"hello")


@pytest.mark.parametrize("message", [SIZED, SIZED[:-2], CHUNKED, INTERIM])
def test_no_response_waits_for_the_garbage_collector(message: bytes) -> None:
    gc.disable()
    try:
        parser = weakref.ref(fed(message))
        assert parser() is None
    finally:
        gc.enable()


def test_what_was_abandoned_takes_no_more() -> None:
    parser = fed(CHUNKED[:-12])
    parser.abandon()
    parser.feed(CHUNKED[-12:])
    assert (parser.held, parser.take(), parser.complete) == (0, b"", False)


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


def test_a_head_may_have_64_kib() -> None:
    front, end = OK + b"A: ", b"\r\nContent-Length: 0\r\n\r\n"
    for surplus in (0, 1):
        head = front + b"a" * (LARGEST_HEAD - len(front + end) + surplus) + end
        if surplus:
            with pytest.raises(NotHttp, match="do not end"):
                fed(head)
        else:
            assert fed(head).complete


def test_the_version_stands_at_the_front_and_nowhere_else() -> None:
    with pytest.raises(NotHttp, match=r"HTTP/2\.0"):
        fed(b"HTTP/2.0 200 OK\r\nA: ", b"HTTP/1.1 \r\nContent-Length: 0\r\n\r\n")


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


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("message", "body", "keeps_alive"),
    [
        # RFC 9112, 6.3: what ends a body, in the order of its rules.
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", b"", True),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b"", True),
        (b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n", b"", True),
        (b"HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS, b"", False),
        (b"HTTP/1.1 205 Reset Content\r\nContent-Length: 5\r\n\r\nhello", b"hello", True),
        (OK + b"Transfer-Encoding: Chunked\r\n\r\n" + CHUNKS, b"hello", True),
        (OK + b"Content-Length: 5\r\n\r\nhello", b"hello", True),
        (OK + b"Content-Length: 0\r\n\r\n", b"", True),
        # 9.3: whether the connection persists.
        (OK + b"Connection: close\r\nContent-Length: 5\r\n\r\nhello", b"hello", False),
        (OK + b"Connection: Keep-Alive, Close\r\nContent-Length: 5\r\n\r\nhello", b"hello", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello", False),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", b"hello", True),
        # 6.1: HTTP/1.0 does not know chunks, so somebody on the way may have got them wrong.
        (
            b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS,
            b"hello",
            False,
        ),
        # 7.1: extensions and trailers of chunks are of no interest.
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nA: b\r\n\r\n", b"hello", True),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n0000000005\r\nhello\r\n00\r\n\r\n", b"hello", True),
        # RFC 9110, 15.2: interim responses.
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 3 + SIZED, b"hello", True),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + SIZED, b"hello", True),
        # RFC 9112, 4: a reason may be missing.
        (b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", b"hello", True),
    ],
)
def test_rfc_9112_decides_where_a_response_ends_and_whether_the_connection_persists(
    message: bytes, body: bytes, keeps_alive: bool
) -> None:
    for pieces in ([message], [message[place : place + 1] for place in range(len(message))]):
        parser = fed(*pieces)
        assert (parser.complete, parser.keeps_alive, body_of(parser)) == (True, keeps_alive, body)


@pytest.mark.parametrize(
    "head",
    [
        # RFC 9112, 6.3: Content-Length.
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5, 6\r\n",
        b"Content-Length: -5\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: 5_0\r\n",
        b"Content-Length: 0x5\r\n",
        b"Content-Length: 5 5\r\n",
        b"Content-Length: five\r\n",
        b"Content-Length:\r\n",
        b"Content-Length: 99999999999999999999999\r\n",
        # 6.1: only `chunked` is understood, and nobody has asked for anything else.
        b"Transfer-Encoding: gzip\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: chunked, gzip\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: identity\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        # 5: fields.
        b"Content-Length : 5\r\n",
        b"A: b\r\n c\r\nContent-Length: 5\r\n",
        b"A: b\x00c\r\nContent-Length: 5\r\n",
        b"A: b\rc\r\nContent-Length: 5\r\n",
        b"\r\x00: b\r\n",
        b": b\r\n",
    ],
)
def test_a_head_that_could_be_read_in_two_ways_is_an_error(head: bytes) -> None:
    with pytest.raises(NotHttp):
        fed(OK + head + b"\r\nhello")


@pytest.mark.parametrize(
    "line",
    [
        b"HTTP/0.9 200 OK",
        b"HTTP/1.2 200 OK",
        b"HTTP/2.0 200 OK",
        b"HTTP/3 200 OK",
        b"HTTP/1.1 099 Low",
        b"HTTP/1.1 000 Nothing",
        b"HTTP/1.1 20 OK",
        b"HTTP/1.1 2000 OK",
        b"HTTP/1.1 -20 OK",
        b"HTTP/1.1  200 OK",
        b"http/1.1 200 OK",
        b"GET / HTTP/1.1",
        b"ICY 200 OK",
    ],
)
@pytest.mark.parametrize("before", [b"", b"HTTP/1.1 100 Continue\r\n\r\n"], ids=["first", "after an interim response"])
def test_a_status_line_of_another_kind_is_an_error(before: bytes, line: bytes) -> None:
    with pytest.raises(NotHttp):
        fed(before + line + b"\r\nContent-Length: 5\r\n\r\nhello")


@pytest.mark.parametrize(
    "chunks", [b"-5\r\nhello\r\n", b"5\r\nhelloXX", b"5\nhello\n0\n\n", b"ffffffffffffffffff\r\n", b"\r\nhello"]
)
def test_chunks_that_are_none_are_an_error(chunks: bytes) -> None:
    with pytest.raises(NotHttp):
        fed(OK + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)


def test_what_is_wrong_is_said() -> None:
    with pytest.raises(NotHttp, match="encoded as 'gzip'"):
        fed(OK + b"Transfer-Encoding: gzip\r\n\r\n")
    with pytest.raises(NotHttp, match=r"HTTP/2\.0"):
        fed(b"HTTP/2.0 200 OK\r\n\r\n")
    with pytest.raises(NotHttp, match="Content-Length"):
        fed(OK + b"Content-Length: x\r\n\r\n")


def test_trailers_do_not_pass_for_headers() -> None:
    trailers = b'ETag: "foreign"\r\nX-New: y\r\n'
    head = OK + b'ETag: "own"\r\nTransfer-Encoding: chunked\r\n\r\n'
    parser = fed(head + CHUNKS[:-2] + trailers + b"\r\n")
    assert parser.complete
    assert parser.headers == {"etag": '"own"', "transfer-encoding": "chunked"}


@pytest.mark.parametrize("piece", [b"A: b\r\n", b"b" * 1000])
def test_trailers_without_end_are_an_error(piece: bytes) -> None:
    with pytest.raises(NotHttp, match="do not end"):
        fed(
            OK + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKS[:-2] + b"A: ",
            *[piece] * (LARGEST_HEAD // len(piece) + 1),
        )


def test_interim_responses_without_end_are_an_error() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    with pytest.raises(NotHttp, match="do not end"):
        fed(*[interim] * (LARGEST_HEAD // len(interim) + 1))


def test_a_body_in_many_small_chunks_is_no_endless_head() -> None:
    count = LARGEST_HEAD
    parser = fed(OK + b"Transfer-Encoding: chunked\r\n\r\n", *[b"1\r\nx\r\n"] * count, b"0\r\n\r\n")
    assert (parser.complete, len(body_of(parser))) == (True, count)


@pytest.mark.parametrize(
    ("message", "keeps_alive"),
    [
        (OK + b"Content-Length: 5\r\n\r\n", True),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n", True),
        (OK + b"\r\n", True),
        (OK + b"Connection: close\r\n\r\n", False),
        (OK + b"Connection: Close\r\n\r\n", False),
        (b"HTTP/1.0 200 OK\r\n\r\n", False),
        (OK + b"Content-Length: 5\r\n\r\nh", False),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5", False),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r", False),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n", False),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", False),
        (OK + b"\r\nh", False),
        (OK + b"Content-Length: 0\r\n\r\nHTTP/1.1 ", False),
    ],
)
def test_a_body_after_a_response_to_head_is_surplus(message: bytes, keeps_alive: bool) -> None:
    has_surplus = not keeps_alive and not message.endswith(b"OK\r\n\r\n") and b"close" not in message.lower()
    for pieces in ([message], [message[place : place + 1] for place in range(len(message))]):
        parser = fed(*pieces, bodyless=True)
        assert (parser.complete, parser.keeps_alive, parser.has_surplus) == (True, keeps_alive, has_surplus)


def test_what_ends_with_the_connection_is_complete_only_when_that_ended_in_order() -> None:
    message = OK + b"\r\nall of it, or not"
    fed(message).feed_end(orderly=True)
    with pytest.raises(BrokenOff):
        fed(message).feed_end(orderly=False)


@pytest.mark.parametrize(
    ("message", "at_most", "is_short"),
    [
        (OK + b"Content-Length: 10\r\n\r\nhello", 5, True),
        (OK + b"Content-Length: 10\r\n\r\nhello", 4, False),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel", 0, True),
        (OK + b"\r\nhello", 1000, False),
    ],
)
def test_the_rest_of_a_body_can_be_dropped(message: bytes, at_most: int, is_short: bool) -> None:
    parser = fed(message)
    assert parser.drop(at_most) is is_short
    assert (parser.held, parser.take()) == (0, b"")
    parser.feed(b"lo")
    assert (parser.held, parser.dropped) == (0, 2)
