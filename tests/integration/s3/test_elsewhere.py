"""A session that is used, or closed, where it was not opened: in another event loop, thread or process, or twice."""

import asyncio
import gc
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager

import pytest

from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.domain.errors import StorageOperationException
from s3py_helper.domain.file_id import Backend, FileId
from tests.support.s3.raw_server import RawServer, answer_everything, raw_server
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(60)

FILE_ID = FileId(Backend.S3, "tests", "a.bin")


@contextmanager
def server_elsewhere() -> Iterator[RawServer]:
    """In a thread, so that no event loop of the test has to run for it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run[Value](work: Coroutine[None, None, Value]) -> Value:
        return asyncio.run_coroutine_threadsafe(work, loop).result(20)

    async def enter() -> RawServer:
        return await context.__aenter__()

    async def leave() -> None:
        await context.__aexit__(None, None, None)

    context = raw_server(answer_everything)
    try:
        yield run(enter())
    finally:
        run(leave())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


async def opened(server: RawServer) -> S3Session:
    session = await S3Session(server.s3().config()).__aenter__()
    await S3BlobStore(session).info(FILE_ID)
    return session


async def closed(session: S3Session) -> None:
    await session.__aexit__(None, None, None)


async def used(session: S3Session) -> None:
    await S3BlobStore(session).info(FILE_ID)


@contextmanager
def transports_may_be_unclosed() -> Iterator[None]:
    """An event loop that was closed before what it carried says so; the sockets are closed all the same."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


class TestAnotherEventLoop:
    def test_it_can_be_closed_in_one_after_its_own_has_ended(self) -> None:
        with server_elsewhere() as server, transports_may_be_unclosed():
            session = asyncio.run(opened(server))
            assert server.open == 1
            asyncio.run(closed(session))
            wait_for(lambda: server.open == 0)
            asyncio.run(closed(session))

    def test_it_can_be_closed_in_one_while_its_own_stands_still(self) -> None:
        loop = asyncio.new_event_loop()
        with server_elsewhere() as server, transports_may_be_unclosed():
            session = loop.run_until_complete(opened(server))
            asyncio.run(closed(session))
            wait_for(lambda: server.open == 0)
            # Its own may go on all the same.
            loop.run_until_complete(asyncio.sleep(0))
            loop.close()

    def test_it_can_be_closed_in_one_while_its_own_runs_in_another_thread(self) -> None:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        with server_elsewhere() as server:
            session = asyncio.run_coroutine_threadsafe(opened(server), loop).result(20)
            asyncio.run(closed(session))
            wait_for(lambda: server.open == 0)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()

    def test_it_is_refused_there(self) -> None:
        with server_elsewhere() as server, transports_may_be_unclosed():
            session = asyncio.run(opened(server))
            for use in (used(session), session.sdk()):
                with pytest.raises(StorageOperationException, match=r"opened .*(elsewhere|another)"):
                    asyncio.run(use)
            assert server.accepted == 1
            asyncio.run(closed(session))

    def test_it_can_be_opened_there_after_it_was_closed(self) -> None:
        with server_elsewhere() as server, transports_may_be_unclosed():
            session = asyncio.run(opened(server))
            asyncio.run(closed(session))

            async def again() -> None:
                async with session:
                    await used(session)

            asyncio.run(again())
            wait_for(lambda: server.open == 0)
            assert server.accepted == 2


async def test_closing_twice_is_closing_once() -> None:
    async with raw_server(answer_everything) as server:
        session = await opened(server)
        await asyncio.gather(closed(session), closed(session))
        await closed(session)
        await until(lambda: server.open == 0)
        with pytest.raises(StorageOperationException, match="not open"):
            await used(session)


class TestAFork:
    """With an open session, as some application servers do it after loading the application."""

    @staticmethod
    def _in_a_child(act: Callable[[], None]) -> int:
        """The exit status of a process that was forked off to do this."""
        with warnings.catch_warnings():
            # Other tests have left threads; the child uses none.
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if not child:
            signal.alarm(20)
            try:
                act()
            except BaseException as error:  # noqa: BLE001 - the child must not go on with the tests, whatever happens
                os.write(2, repr(error).encode())
                os._exit(1)
            os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def test_the_child_is_refused_and_the_parent_undisturbed(self) -> None:
        with server_elsewhere() as server:
            loop = asyncio.new_event_loop()
            session = loop.run_until_complete(opened(server))

            def refused() -> None:
                for run in (loop.run_until_complete, asyncio.run):
                    with pytest.raises(StorageOperationException, match=r"opened .*(elsewhere|another)"):
                        run(used(session))

            assert self._in_a_child(refused) == 0
            for _ in range(3):
                loop.run_until_complete(used(session))
            assert server.accepted == 1, "the connection is the parent's, and still good"
            loop.run_until_complete(closed(session))
            loop.close()
            wait_for(lambda: server.open == 0)

    def test_the_child_may_close_it_without_closing_the_parents_connections(self) -> None:
        with server_elsewhere() as server:
            loop = asyncio.new_event_loop()
            session = loop.run_until_complete(opened(server))

            def close_and_open_anew() -> None:
                asyncio.run(closed(session))

                async def again() -> None:
                    async with session:
                        await used(session)

                asyncio.run(again())

            assert self._in_a_child(close_and_open_anew) == 0
            loop.run_until_complete(used(session))
            assert server.accepted == 2, "one of the parent's, one of the child's"
            loop.run_until_complete(closed(session))
            loop.close()
