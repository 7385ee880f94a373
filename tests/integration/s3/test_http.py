"""Our own HTTP connections, against servers and proxies that behave badly on command."""

import asyncio
import random
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.http import pool
from s3py_helper.adapters.s3.http.faults import Disconnected, NoResponseInTime, NotConnected
from s3py_helper.adapters.s3.http.payload import EMPTY
from s3py_helper.adapters.s3.http.places import Hold
from s3py_helper.adapters.s3.http.tls import tls_settings
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.domain.errors import AccessDeniedException, StorageOperationException, StorageUnavailableException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import body_of, leak_guard, new_blob
from tests.support.s3.certificate import Certificate
from tests.support.s3.client import ask, http_client, opened
from tests.support.s3.raw_server import FINE, Peer, RawServer, answer_everything, raw_server, tunnel
from tests.support.s3.scripted import error, scripted_server
from tests.support.waiting import until

FILE_ID = FileId(Backend.S3, "tests", "a.bin")
LARGE = bytes(30 * 1024 * 1024)
"""More than the sockets' buffers take."""


class TestKeptConnections:
    @staticmethod
    async def _closes_at_the_second_request(peer: Peer) -> None:
        await peer.head()
        await peer.answer(FINE)
        await peer.head()

    async def test_one_that_the_server_has_closed_is_replaced_and_no_attempt_is_lost(self) -> None:
        perf = S3PerfConfig(max_retries=0)
        async with (
            raw_server(self._closes_at_the_second_request) as server,
            S3Session(server.s3().config(perf=perf)) as connection,
        ):
            for _ in range(3):
                await S3BlobStore(connection).info(FILE_ID)
        assert server.accepted == 3

    async def test_what_may_have_been_carried_out_is_not_repeated(self) -> None:
        async with raw_server(self._closes_at_the_second_request) as server, http_client() as client:
            await ask(client, server, "POST")
            with pytest.raises((Disconnected, ConnectionError)):
                await ask(client, server, "POST")
        assert server.accepted == 1

    async def test_an_answer_that_nobody_asked_for_is_not_taken_for_the_next_one(self) -> None:
        async def behave(peer: Peer) -> None:
            while await peer.head():
                await peer.answer(FINE + FINE if peer.number == 1 else FINE)

        async with raw_server(behave) as server, http_client() as client:
            assert [await ask(client, server) for _ in range(3)] == [200, 200, 200]
        assert server.accepted == 2

    async def test_what_was_not_read_of_a_closed_response_is_forgotten(self) -> None:
        async def behave(peer: Peer) -> None:
            while await peer.head():
                await peer.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345")

        async with raw_server(behave) as server, http_client() as client:
            response = await opened(client, server)
            response.close()
            assert response.take() == b""

    async def test_one_that_nobody_reads_any_more_makes_room_for_the_next(self) -> None:
        async def behave(peer: Peer) -> None:
            await peer.head()
            await peer.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n1")
            await peer.until_gone()

        async with raw_server(behave) as one, raw_server(answer_everything) as other, http_client(limit=1) as client:
            place = client.take_place(Hold.BRIEF)
            assert place is not None
            headers = {"host": f"127.0.0.1:{one.port}"}
            (await client.send("GET", one.origin, "/", headers, EMPTY)).close()
            place.release()
            assert client.connections == 1, "it receives the rest"
            await ask(client, other)
            assert client.connections == 1

    async def test_servers_that_cannot_be_reached_cost_no_connections_to_others(self) -> None:
        async with (
            raw_server(answer_everything) as one,
            raw_server(answer_everything) as other,
            http_client(limit=4) as client,
        ):
            closed = RawServer(unused_port())
            for _ in range(4):
                with pytest.raises(NotConnected):
                    await ask(client, closed)
            for _ in range(2):
                await ask(client, one)
                await ask(client, other)
        assert (one.accepted, other.accepted) == (1, 1)

    async def test_one_that_nobody_needs_is_closed_after_a_while(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pool, "_IDLE_SECONDS", 0.05)
        async with raw_server(answer_everything) as server, http_client() as client:
            await ask(client, server)
            await until(lambda: server.open == 0)
            await ask(client, server)
        assert server.accepted == 2

    async def test_one_that_was_idle_for_too_long_is_not_used_even_if_nobody_has_closed_it(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with raw_server(answer_everything) as server, http_client() as client:
            await ask(client, server)
            monkeypatch.setattr(pool, "monotonic", lambda: time.monotonic() + 16)
            await ask(client, server)
        assert server.accepted == 2

    async def test_as_many_are_open_as_are_allowed_and_those_who_wait_get_their_turn(self) -> None:
        async def behave(peer: Peer) -> None:
            while await peer.head():
                await peer.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
                await asyncio.sleep(0.02)
                await peer.answer(b"12345")

        async with raw_server(behave) as server, http_client(limit=2) as client:
            held = [await opened(client, server) for _ in range(2)]
            waiting = [asyncio.create_task(ask(client, server)) for _ in range(4)]
            await asyncio.sleep(0)
            waiting[0].cancel()
            assert not any(task.done() for task in waiting[1:])
            for answer in held:
                answer.close()
            assert await asyncio.gather(*waiting[1:]) == [200, 200, 200]
        assert server.accepted == 2

    async def test_cancelling_closes_the_connection_and_frees_its_place(self) -> None:
        async def behave(peer: Peer) -> None:
            await peer.head()
            if peer.number == 1:
                await peer.head()
            await peer.answer(FINE)

        async with raw_server(behave) as server, http_client(limit=1) as client:
            stuck = asyncio.create_task(ask(client, server))
            await until(lambda: server.open == 1)
            stuck.cancel()
            await asyncio.wait([stuck])
            await until(lambda: server.open == 0)
            assert await ask(client, server) == 200

    async def test_closing_the_backend_ends_what_is_under_way(self) -> None:
        async def behave(peer: Peer) -> None:
            await peer.head()
            await peer.head()

        async with raw_server(behave) as server, leak_guard():
            async with S3Session(server.s3().config()) as connection:
                stuck = asyncio.create_task(S3BlobStore(connection).info(FILE_ID))
                await until(lambda: server.open == 1)
            with pytest.raises(StorageOperationException, match="closed meanwhile"):
                await stuck
            await until(lambda: server.open == 0)


class TestLargeBodies:
    async def test_a_server_that_takes_no_bytes_is_given_up(self) -> None:
        enough = asyncio.Event()

        async def behave(peer: Peer) -> None:
            await enough.wait()

        async with raw_server(behave) as server, http_client(read_timeout=0.2) as client:
            with pytest.raises(NoResponseInTime):
                await ask(client, server, "PUT", LARGE)
            enough.set()

    async def test_a_server_that_takes_them_slowly_is_not(self) -> None:
        async def behave(peer: Peer) -> None:
            await peer.head()
            left = len(LARGE)
            while left:
                left -= len(await peer.reader.read(2 * 1024 * 1024))
                await asyncio.sleep(0.005)
            await peer.answer(FINE)

        async with raw_server(behave) as server, http_client(read_timeout=0.25) as client:
            assert await ask(client, server, "PUT", LARGE) == 200

    async def test_a_refusal_counts_before_all_bytes_are_sent(self) -> None:
        enough = asyncio.Event()

        async def behave(peer: Peer) -> None:
            await peer.head()
            body = b"<Error><Code>AccessDenied</Code></Error>"
            await peer.answer(b"HTTP/1.1 403 No\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
            await enough.wait()

        perf = S3PerfConfig(multipart_threshold=64 * 1024 * 1024, multipart_part_size=64 * 1024 * 1024)
        async with (
            raw_server(behave) as server,
            S3Session(server.s3().config(perf=perf)) as connection,
            leak_guard(),
        ):
            with pytest.raises(AccessDeniedException):
                await S3BlobStore(connection).write(new_blob(size=len(LARGE)), body_of(LARGE, size=len(LARGE)))
            enough.set()
        assert server.accepted == 1


class TestLargeBodiesOverTls:
    """They are encrypted piece by piece, as fast as the server takes them."""

    CONFIG = S3PerfConfig(multipart_threshold=64 * 1024 * 1024, multipart_part_size=64 * 1024 * 1024, read_timeout=0.5)

    async def test_every_byte_arrives(self, certificate: Certificate) -> None:
        content = random.Random(1).randbytes(20_000_001)
        seen: list[bytes] = []

        async def answer(request: web.Request) -> web.StreamResponse:
            seen.append(await request.read())
            return web.Response(headers={"ETag": '"x"'})

        async with scripted_server(answer, certificate.server_side()) as server:
            config = server.config(verify_tls=certificate.path, perf=self.CONFIG)
            async with leak_guard(), S3Session(config) as connection:
                store = S3BlobStore(connection)
                for _ in range(2):
                    await store.write(new_blob(size=len(content)), body_of(content, size=len(content)))
        assert seen == [content, content]

    async def test_a_refusal_counts_before_all_bytes_are_sent_and_spoils_the_connection(
        self, certificate: Certificate
    ) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            return error(403, "AccessDenied")

        async with scripted_server(answer, certificate.server_side()) as server:
            config = server.config(verify_tls=certificate.path, perf=self.CONFIG)
            async with leak_guard(), S3Session(config) as connection:
                for _ in range(3):
                    with pytest.raises(AccessDeniedException):
                        await S3BlobStore(connection).write(new_blob(size=len(LARGE)), body_of(LARGE, size=len(LARGE)))

    async def test_a_server_that_takes_no_bytes_is_given_up(self, certificate: Certificate) -> None:
        enough = asyncio.Event()

        async def answer(request: web.Request) -> web.StreamResponse:
            await enough.wait()
            return web.Response()

        perf = self.CONFIG.model_copy(update={"max_retries": 0})
        async with scripted_server(answer, certificate.server_side()) as server:
            config = server.config(verify_tls=certificate.path, perf=perf)
            async with S3Session(config) as connection:
                writing = asyncio.create_task(
                    S3BlobStore(connection).write(new_blob(size=len(LARGE)), body_of(LARGE, size=len(LARGE)))
                )
                with pytest.raises(StorageUnavailableException, match="no response in time"):
                    await writing
                enough.set()


class TestAddresses:
    async def test_a_name_that_means_several_addresses_is_tried_until_one_answers(self) -> None:
        # localhost is ::1 first on most systems; nobody listens there.
        async with raw_server(answer_everything) as server:
            config = server.s3().config(endpoint=f"http://localhost:{server.port}")
            async with S3Session(config) as connection:
                await S3BlobStore(connection).info(FILE_ID)

    async def test_a_name_that_nobody_knows_is_an_error_that_says_so(self) -> None:
        config = (
            RawServer(9).s3().config(endpoint="http://s3.invalid:9000", proxy=None, perf=S3PerfConfig(max_retries=0))
        )
        async with S3Session(config) as connection:
            with pytest.raises(StorageUnavailableException, match="host name cannot be resolved"):
                await S3BlobStore(connection).info(FILE_ID)


@dataclass
class Overheard(Peer):
    """A peer whose requests are kept."""

    heads: list[bytes]

    async def head(self) -> bytes:
        self.heads.append(await super().head())
        return self.heads[-1]


class TestProxyWithTls:
    """Through CONNECT, as to every service behind TLS."""

    async def test_requests_go_through_a_tunnel(self, certificate: Certificate) -> None:
        connects: list[bytes] = []
        seen: list[str] = []

        async def answer(request: web.Request) -> web.StreamResponse:
            seen.append(request.raw_path)
            await request.read()
            return web.Response(body=b"12345", headers={"ETag": '"x"'})

        async def behave(peer: Peer) -> None:
            await tunnel(Overheard(peer.reader, peer.writer, peer.number, connects))

        async with scripted_server(answer, certificate.server_side()) as server, raw_server(behave) as proxy:
            config = server.config(verify_tls=certificate.path, proxy=f"http://us%40er:pass@127.0.0.1:{proxy.port}")
            async with leak_guard(), S3Session(config) as connection:
                store = S3BlobStore(connection)
                await store.info(FILE_ID)
                await store.write(new_blob(size=2_000_000), body_of(bytes(2_000_000), size=2_000_000))
        assert len(connects) == 1, "the tunnel is kept"
        assert b"\r\nproxy-authorization: Basic dXNAZXI6cGFzcw==\r\n" in connects[0]
        assert seen[0] == "/tests/a.bin"

    async def test_a_certificate_that_is_not_trusted_is_refused_there_as_well(self, certificate: Certificate) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            raise AssertionError("nothing may be sent")

        async with scripted_server(answer, certificate.server_side()) as server, raw_server(tunnel) as proxy:
            config = server.config(proxy=proxy.origin)
            async with leak_guard(), S3Session(config) as connection:
                with pytest.raises(StorageOperationException, match="certificate is not trusted"):
                    await S3BlobStore(connection).info(FILE_ID)

    @pytest.mark.parametrize(
        ("reply", "words"),
        [
            (b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n", "the proxy refuses to connect"),
            (b"HTTP/1.1 502 No\r\nContent-Length: 3\r\n\r\nno!", "the proxy refuses to connect"),
            (b"what?", "no connection to the proxy"),
            (b"", "no connection to the proxy"),
        ],
    )
    async def test_a_proxy_that_does_not_connect_is_an_error_that_says_so(self, reply: bytes, words: str) -> None:
        async def behave(peer: Peer) -> None:
            await peer.head()
            await peer.answer(reply)

        perf = S3PerfConfig(max_retries=0)
        async with raw_server(behave) as proxy:
            config = proxy.s3().config(endpoint="https://s3.example", proxy=proxy.origin, perf=perf)
            async with leak_guard(), S3Session(config) as connection:
                with pytest.raises(StorageUnavailableException, match=words):
                    await S3BlobStore(connection).info(FILE_ID)

    async def test_a_proxy_that_is_down_is_an_error_that_says_so(self) -> None:
        async with raw_server(answer_everything) as gone:
            pass
        config = gone.s3().config(endpoint="https://s3.example", proxy=gone.origin, perf=S3PerfConfig(max_retries=0))
        async with S3Session(config) as connection:
            with pytest.raises(StorageUnavailableException, match="no connection to the proxy"):
                await S3BlobStore(connection).info(FILE_ID)


@pytest.mark.parametrize("line_break", ["\r\n", "\n", "\r"])
async def test_a_header_cannot_smuggle_in_another_one(line_break: str) -> None:
    async with http_client() as client:
        with pytest.raises(ValueError, match="line break"):
            await opened(client, RawServer(9), headers={"a": f"b{line_break}c: d"})


def test_tls_settings_are_made_once_and_only_when_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[None] = []
    real = ssl.create_default_context

    def make() -> ssl.SSLContext:
        made.append(None)
        return real()

    monkeypatch.setattr(ssl, "create_default_context", make)
    settings = tls_settings(False)
    assert not made
    assert settings() is settings()
    assert len(made) == 1


async def test_they_are_made_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch, certificate: Certificate) -> None:
    makers: list[threading.Thread] = []
    real = ssl.create_default_context

    def make(**given: Any) -> ssl.SSLContext:
        makers.append(threading.current_thread())
        return real(**given)

    async def leave(peer: Peer) -> None:
        """Whoever greets."""

    async with raw_server(leave) as server:
        monkeypatch.setattr(ssl, "create_default_context", make)
        for verify in (True, certificate.path):
            config = server.s3().config(
                endpoint=server.origin.replace("http:", "https:"), verify_tls=verify, perf=S3PerfConfig(max_retries=0)
            )
            async with S3Session(config) as session:
                store = S3BlobStore(session)
                await asyncio.gather(*(store.info(FILE_ID) for _ in range(3)), return_exceptions=True)
    assert len(makers) == 2, "once for all connections of a session"
    assert threading.main_thread() not in makers
