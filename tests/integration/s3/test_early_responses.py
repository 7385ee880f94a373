"""Responses that come before the request has been sent: a refusal is taken, success is not believed."""

import ssl
from collections.abc import Awaitable, Callable

import pytest

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.http.faults import EarlySuccess
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.domain.errors import AccessDeniedException, StorageUnavailableException
from s3py_helper.testing import body_of, leak_guard, new_blob
from tests.support.s3.certificate import Certificate
from tests.support.s3.client import ask, http_client, opened
from tests.support.s3.raw_server import FINE, Behaviour, Peer, RawServer, raw_server

pytestmark = pytest.mark.timeout(60)

LARGE = bytes(30 * 1024 * 1024)
TAKEN = 3_900_000
"""Bytes of the body after which the server answers."""

REASON = b"<Error><Code>AccessDenied</Code><Message>not yours</Message></Error>"
DENIED = b"HTTP/1.1 403 No\r\nContent-Length: %d\r\n\r\n%b" % (len(REASON), REASON)


async def leave(peer: Peer) -> None:
    """Close in good order, at least on this side: the rest of the body makes the system reset the connection."""
    peer.writer.close()


async def leave_at_once(peer: Peer) -> None:
    peer.writer.transport.abort()


async def stay(peer: Peer) -> None:
    await peer.until_gone()


async def take_the_rest(peer: Peer) -> None:
    while await peer.reader.read(1024 * 1024):
        pass


type Ending = Callable[[Peer], Awaitable[None]]
ENDINGS: list[Ending] = [leave, leave_at_once, stay, take_the_rest]


def answering(message: bytes, then: Ending) -> Behaviour:
    """Answers large bodies before they have arrived, and everything else with success."""

    async def behave(peer: Peer) -> None:
        while head := await peer.head():
            if b"content-length: %d\r\n" % len(LARGE) not in head:
                await peer.answer(FINE)
                continue
            left = TAKEN
            while left > 0 and (data := await peer.reader.read(left)):
                left -= len(data)
            await peer.answer(message)
            await then(peer)
            return

    return behave


@pytest.fixture(params=["plain", "tls"])
def tls(request: pytest.FixtureRequest, certificate: Certificate) -> Certificate | None:
    return None if request.param == "plain" else certificate


def server_side(tls: Certificate | None) -> ssl.SSLContext | None:
    return None if tls is None else tls.server_side()


def session_with(server: RawServer, tls: Certificate | None) -> S3Session:
    perf = S3PerfConfig(
        multipart_threshold=64 * 1024 * 1024, multipart_part_size=64 * 1024 * 1024, max_retries=1, read_timeout=20.0
    )
    return S3Session(server.s3().config(perf=perf, verify_tls=True if tls is None else tls.path))


async def write_large(session: S3Session) -> None:
    await S3BlobStore(session).write(new_blob(size=len(LARGE)), body_of(LARGE, size=len(LARGE)))


@pytest.mark.parametrize("then", ENDINGS)
async def test_success_before_the_whole_body_was_sent_is_not_believed(tls: Certificate | None, then: Ending) -> None:
    async with raw_server(answering(FINE, then), server_side(tls)) as server, http_client(tls=tls) as client:
        with pytest.raises(EarlySuccess):
            await ask(client, server, "PUT", LARGE)
        assert client.connections == 0
        assert await ask(client, server) == 200
        assert server.accepted == 2


async def test_an_upload_that_only_ever_succeeds_early_fails_as_one_to_be_tried_again(tls: Certificate | None) -> None:
    async with (
        raw_server(answering(FINE, leave), server_side(tls)) as server,
        leak_guard(),
        session_with(server, tls) as session,
    ):
        with pytest.raises(StorageUnavailableException, match="before it had the whole request") as caught:
            await write_large(session)
    assert caught.value.retryable


async def test_success_after_the_last_byte_is_believed(tls: Certificate | None) -> None:
    async def behave(peer: Peer) -> None:
        while head := await peer.head():
            left = len(LARGE) if b"content-length: %d\r\n" % len(LARGE) in head else 0
            while left > 0:
                left -= len(await peer.reader.read(left))
            await peer.answer(FINE)

    async with raw_server(behave, server_side(tls)) as server, http_client(tls=tls) as client:
        for _ in range(3):
            assert await ask(client, server, "PUT", LARGE) == 200
        assert server.accepted == 1


@pytest.mark.parametrize("then", ENDINGS)
async def test_a_refusal_in_the_middle_of_the_body_is_reported_and_the_body_is_not_sent_again(
    tls: Certificate | None, then: Ending
) -> None:
    async with (
        raw_server(answering(DENIED, then), server_side(tls)) as server,
        leak_guard(),
        session_with(server, tls) as session,
    ):
        # Again and again: whether the end of the connection is noticed while sending or while receiving is luck.
        for attempts in range(1, 11):
            with pytest.raises(AccessDeniedException, match="not yours"):
                await write_large(session)
            assert server.accepted == attempts, "one connection for each upload, and none is kept"


async def test_a_refusal_whose_reason_is_cut_short_still_counts(tls: Certificate | None) -> None:
    async with (
        raw_server(answering(DENIED[:-30], leave_at_once), server_side(tls)) as server,
        leak_guard(),
        session_with(server, tls) as session,
    ):
        with pytest.raises(AccessDeniedException):
            await write_large(session)
        assert server.accepted == 1


async def test_what_is_left_of_a_refused_body_never_precedes_the_next_request(tls: Certificate | None) -> None:
    received = bytearray()

    async def behave(peer: Peer) -> None:
        head = await peer.head()
        await peer.answer(DENIED if head.startswith(b"PUT") else FINE)
        while data := await peer.reader.read(1024 * 1024):
            received.extend(data)

    async with raw_server(behave, server_side(tls)) as server, http_client(tls=tls) as client:
        refused = await opened(client, server, "PUT", LARGE)
        assert refused.status == 403
        while await refused.read():
            pass
        refused.close()
        assert await ask(client, server) == 200
        assert server.accepted == 2
    assert received.count(0) == len(received) < len(LARGE)
