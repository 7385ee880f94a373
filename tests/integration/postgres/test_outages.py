"""A database that is restarted, hangs or is asked by callers who leave: calls end in time, and nothing leaks."""

import asyncio
import os
import signal
import time

import pytest

from s3py_helper.adapters.postgres import base
from s3py_helper.adapters.postgres import database as database_module
from s3py_helper.adapters.postgres.address import Address
from s3py_helper.adapters.postgres.connections import CONNECTIONS, Connection
from s3py_helper.adapters.postgres.ledger import PostgresLedger
from s3py_helper.adapters.postgres.schema import is_ready
from s3py_helper.application.ports.ledger import HURRIED_SECONDS
from s3py_helper.domain.errors import StorageOperationException, StorageUnavailableException
from s3py_helper.testing.contract.ledger import planned
from s3py_helper.testing.contract.ledger_harness import copied
from tests.support.postgres.past import past_the_ledger, sessions
from tests.support.postgres.server import PostgresServer

pytestmark = pytest.mark.slow


@pytest.mark.timeout(60)
async def test_calls_wait_for_a_database_that_is_restarted(own_postgres: PostgresServer) -> None:
    async with PostgresLedger(own_postgres.url(), "one") as ledger:
        await ledger.plan([planned(number) for number in range(100)])
        claims = await ledger.claim("a", 50, 60)
        for end in (own_postgres.stop, own_postgres.crash):
            await asyncio.to_thread(end)
            counting = asyncio.ensure_future(ledger.tallies())
            recording = asyncio.ensure_future(ledger.record([copied(claims[0])]))
            await asyncio.to_thread(own_postgres.start)
            assert sum(tally.files for tally in await counting) == 100
            assert await recording == [True]
        assert await ledger.record([copied(claim) for claim in claims]) == [True] * 50
        assert sum(tally.files for tally in await ledger.tallies()) == 100


@pytest.mark.timeout(60)
async def test_without_its_database_every_call_is_temporary(
    own_postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_PATIENCE", 0.2)
    async with PostgresLedger(own_postgres.url(), "one") as ledger:
        await ledger.plan([planned(1)])
        own_postgres.stop()
        for call in (ledger.claim("a", 1, 60), ledger.tallies(), ledger.tombstone(planned(1).file_id)):
            with pytest.raises(StorageUnavailableException):
                await call
        own_postgres.start()
        assert len(await ledger.claim("a", 1, 60)) == 1


@pytest.mark.timeout(60)
async def test_a_database_that_hangs_is_temporary_within_the_documented_time(
    own_postgres: PostgresServer,
) -> None:
    async with PostgresLedger(own_postgres.url(), "one") as ledger, past_the_ledger(own_postgres) as owner:
        await ledger.plan([planned(1)])
        [ledgers] = await owner.fetch("select pid from pg_stat_activity where application_name = 's3py-ledger'")
        os.kill(ledgers["pid"], signal.SIGSTOP)
        try:
            with pytest.raises(StorageUnavailableException, match="did not answer within"):
                await ledger._database.write("select 1", seconds=0.5)  # noqa: SLF001 - calls have half a minute
        finally:
            os.kill(ledgers["pid"], signal.SIGCONT)
        assert len(await ledger.claim("a", 1, 60)) == 1, "over another connection"


@pytest.mark.timeout(60)
async def test_hurried_calls_give_up_on_a_database_that_hangs_and_leave_nothing(own_postgres: PostgresServer) -> None:
    async with PostgresLedger(own_postgres.url(), "one") as ledger, past_the_ledger(own_postgres) as owner:
        await ledger.plan([planned(1)])
        hurried = ledger.hurried()
        [ledgers] = await owner.fetch("select pid from pg_stat_activity where application_name = 's3py-ledger'")
        os.kill(ledgers["pid"], signal.SIGSTOP)
        assert own_postgres.process is not None
        own_postgres.process.send_signal(signal.SIGSTOP)  # it answers nobody who connects
        try:
            began = time.monotonic()
            asked = (hurried.find(planned(number).file_id) for number in range(CONNECTIONS * 3))
            answers = await asyncio.gather(*asked, hurried.routes(), return_exceptions=True)
            assert {type(answer) for answer in answers} == {StorageUnavailableException}
            assert time.monotonic() - began < HURRIED_SECONDS + 5, "far below what others wait"
        finally:
            own_postgres.process.send_signal(signal.SIGCONT)
            os.kill(ledgers["pid"], signal.SIGCONT)
        assert await hurried.find(planned(1).file_id) is not None
    with pytest.raises(StorageOperationException, match="not open"):
        await hurried.find(planned(1).file_id)


@pytest.mark.timeout(60)
async def test_a_worker_s_ledger_is_waited_for_while_its_database_restarts(own_postgres: PostgresServer) -> None:
    async with PostgresLedger(own_postgres.url(), "one") as ledger:
        await ledger.plan([planned(1)])
    await asyncio.to_thread(own_postgres.crash)
    with pytest.raises(StorageUnavailableException):
        await PostgresLedger(own_postgres.url(), "one").__aenter__()
    waiting = PostgresLedger(own_postgres.url(), "one", waits=True)
    opening = asyncio.ensure_future(waiting.__aenter__())
    await asyncio.to_thread(own_postgres.start)
    assert await (await opening).has_work()
    await waiting.__aexit__(None, None, None)


async def test_a_worker_s_ledger_is_looked_at_again_where_its_connection_breaks_meanwhile(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with PostgresLedger(ledger_url, "one"):
        pass
    looks: list[Connection] = []

    async def cut_off_once(connection: Connection, address: Address, identity: str, *, makes: bool) -> bool:
        looks.append(connection)
        if len(looks) == 1:
            await connection.fetch("select pg_terminate_backend(pg_backend_pid())")
        return await is_ready(connection, address, identity, makes=makes)

    monkeypatch.setattr(base, "is_ready", cut_off_once)
    async with PostgresLedger(ledger_url, "one", waits=True) as ledger:
        assert not await ledger.has_work()
    assert len(looks) == 2
    looks.clear()
    with pytest.raises(StorageUnavailableException):
        await PostgresLedger(ledger_url, "one").__aenter__()


async def test_patience_is_counted_from_the_first_failure_and_not_through_a_time_asleep(
    postgres: PostgresServer, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_PATIENCE", 0.3)
    async with PostgresLedger(ledger_url, "one") as ledger, past_the_ledger(postgres) as owner:

        async def asleep_while_the_connection_breaks(connection: Connection) -> int:
            runs.append(connection)
            if len(runs) == 1:
                await owner.fetch("select pg_terminate_backend($1)", connection.get_server_pid())
                time.sleep(0.5)  # noqa: ASYNC251 - the whole process
            return int(await connection.fetchval("select 7"))

        runs: list[Connection] = []
        call = ledger._database._call  # noqa: SLF001 - whatever is read
        assert await call(asleep_while_the_connection_breaks, 30, repeats=True) == 7
        assert len(runs) == 2


async def test_callers_that_leave_take_no_connection_along(postgres: PostgresServer, ledger_url: str) -> None:
    async with past_the_ledger(postgres) as owner:
        before = await sessions(owner)
        async with PostgresLedger(ledger_url, "one") as ledger:
            files = [planned(number).file_id for number in range(200)]
            for turn in range(40):
                calls = [asyncio.ensure_future(ledger.tombstone(file_id)) for file_id in files[turn * 5 : turn * 5 + 5]]
                for _ in range(turn % 8):
                    await asyncio.sleep(0)
                for call in calls:
                    call.cancel()
                await asyncio.gather(*calls, return_exceptions=True)
            assert await ledger.find(planned(999).file_id) is None, "it still answers"
            assert await sessions(owner) - before <= CONNECTIONS
        while await sessions(owner) > before:  # a session ends some time after its connection
            await asyncio.sleep(0.02)


async def test_more_callers_than_connections_take_turns(postgres: PostgresServer, ledger_url: str) -> None:
    async with PostgresLedger(ledger_url, "one") as ledger, past_the_ledger(postgres) as owner:
        before = await sessions(owner)
        await asyncio.gather(*(ledger.tombstone(planned(number).file_id) for number in range(100)))
        assert await sessions(owner) - before <= CONNECTIONS
        assert len(await ledger.pending_deletions(999)) == 100


async def test_a_connection_that_the_server_ends_is_replaced(postgres: PostgresServer, ledger_url: str) -> None:
    async with PostgresLedger(ledger_url, "one") as ledger, past_the_ledger(postgres) as owner:
        await ledger.plan([planned(1)])
        await owner.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 's3py-ledger'"
        )
        assert await ledger.find(planned(1).file_id) is not None


async def test_workers_that_collide_do_not_block_each_other_for_ever(ledger_url: str) -> None:
    """Statements over many rows, in any order, from several processes: the server undoes one of two that wait."""
    files = [planned(number) for number in range(300)]
    async with PostgresLedger(ledger_url, "one") as one, PostgresLedger(ledger_url, "one") as other:
        await one.plan(files)
        ids = [file.file_id for file in files]
        claims = await one.claim("a", 300, 60)
        for run in range(1, 6):
            _, _, _, kept, _ = await asyncio.gather(
                one.seen(ids, run),
                other.seen(list(reversed(ids)), run + 100),
                other.plan(files, run),
                one.extend(claims, 60),
                one.plan(list(reversed(files)), run),
            )
            assert all(kept)
        assert sum(tally.files for tally in await one.tallies()) == 300
