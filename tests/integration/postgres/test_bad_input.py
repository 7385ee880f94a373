"""Databases that cannot hold a ledger, or hold somebody else's, are refused before anything is written."""

import logging
import traceback
from collections.abc import AsyncIterator

import pytest

from s3py_helper.adapters.postgres.ledger import PostgresLedger
from s3py_helper.domain.errors import (
    InvalidArgumentException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.migration import GateRefusedException
from s3py_helper.testing.contract.ledger import planned
from tests.support.postgres.past import Owner, past_the_ledger
from tests.support.postgres.server import PASSWORD, PostgresServer
from tests.support.s3.ready import free_ports


@pytest.fixture
async def owner(postgres: PostgresServer) -> AsyncIterator[Owner]:
    async with past_the_ledger(postgres) as owner:
        yield owner


async def refused(url: str, kind: type[StorageException], says: str, *, makes: bool = True) -> None:
    """Neither the error nor its cause shows a password."""
    with pytest.raises(kind, match=says) as error:
        await PostgresLedger(url, "one", makes=makes).__aenter__()
    assert PASSWORD not in "".join(traceback.format_exception(error.value))


async def tables(owner: Owner, schema: str) -> list[str]:
    rows = await owner.fetch("select relname from pg_class where relnamespace = to_regnamespace($1)", schema)
    return [name for (name,) in rows]


async def test_a_server_that_is_not_there_is_temporary(postgres: PostgresServer) -> None:
    url = postgres.url().replace(f":{postgres.port}", f":{free_ports(1)[0]}")
    await refused(
        url, StorageUnavailableException, r"the ledger postgresql://owner@127\.0\.0\.1.* failed: .*Connect call failed"
    )


async def test_a_wrong_password_and_a_database_that_is_not_there_are_not(postgres: PostgresServer) -> None:
    await refused(postgres.url(password="wrong"), StorageOperationException, "password authentication failed for user")
    await refused(postgres.url("nothing"), StorageOperationException, 'database "nothing" does not exist')


async def test_a_password_with_every_special_character_is_quoted(ledger_url: str) -> None:
    assert set(":/@") <= set(PASSWORD)
    async with PostgresLedger(ledger_url, "one"):
        pass


async def test_a_ledger_that_is_not_there_is_not_made_by_a_look(ledger_url: str, owner: Owner) -> None:
    await refused(ledger_url, InvalidArgumentException, "there is no ledger .*'plan' makes one", makes=False)
    schema = ledger_url.rpartition("=")[2]
    assert not await owner.fetchval("select to_regnamespace($1) is not null", schema)


async def test_two_migrations_do_not_share_a_ledger(ledger_url: str) -> None:
    async with PostgresLedger(ledger_url, "one") as ledger:
        await ledger.plan([planned(1)])
    with pytest.raises(GateRefusedException, match=r"belongs to another migration \(one\), this one is two"):
        await PostgresLedger(ledger_url, "two").__aenter__()
    async with PostgresLedger(ledger_url, "one", makes=False) as ledger:
        assert await ledger.find(planned(1).file_id) is not None


async def test_a_schema_of_somebody_else_is_left_alone(ledger_url: str, owner: Owner) -> None:
    schema = ledger_url.rpartition("=")[2]
    await owner.execute(f"create schema {schema}; create table {schema}.theirs(name text)")
    await refused(ledger_url, GateRefusedException, f"the schema {schema} holds something, but no migration's ledger")
    assert await tables(owner, schema) == ["theirs"]


async def test_a_schema_with_a_table_of_the_same_name_is_left_alone(ledger_url: str, owner: Owner) -> None:
    schema = ledger_url.rpartition("=")[2]
    await owner.execute(f"create schema {schema}; create table {schema}.setting(id int)")
    await refused(ledger_url, GateRefusedException, "holds something, but no migration's ledger")
    assert await tables(owner, schema) == ["setting"]


async def test_a_ledger_of_a_newer_version_is_refused(ledger_url: str, owner: Owner) -> None:
    async with PostgresLedger(ledger_url, "one"):
        pass
    schema = ledger_url.rpartition("=")[2]
    await owner.execute(f"update {schema}.setting set value = '99' where name = 'version'")
    await refused(ledger_url, GateRefusedException, "version 99, this program knows up to")


async def test_a_database_that_is_not_in_utf_8_is_refused(postgres: PostgresServer, owner: Owner) -> None:
    await owner.execute("create database latin encoding 'LATIN1' locale 'C' template template0")
    try:
        await refused(postgres.url("latin"), GateRefusedException, "in UTF-8, this one is in LATIN1")
    finally:
        await owner.execute("drop database latin with (force)")


async def test_a_user_without_rights_is_refused(postgres: PostgresServer, owner: Owner, ledger_url: str) -> None:
    schema = ledger_url.rpartition("=")[2]
    await owner.execute("create role guest login password 'guest'")
    guest = postgres.url(user="guest", password="guest", schema=schema)
    try:
        await refused(guest, GateRefusedException, "this user may not make the ledger .*permission denied for database")
        async with PostgresLedger(ledger_url, "one"):
            pass
        await refused(guest, GateRefusedException, f"lacks the right to use the schema {schema}")
        await owner.execute(
            f"grant usage on schema {schema} to guest; grant select on all tables in schema {schema} to guest"
        )
        await refused(guest, GateRefusedException, "lacks rights on the ledger .*insert on setting")
        await owner.execute(f"grant insert, update, delete on all tables in schema {schema} to guest")
        async with PostgresLedger(guest, "one", makes=False) as ledger:
            await ledger.plan([planned(1)])
            await ledger.note("plan", {})
            assert len(await ledger.claim("a", 1, 60)) == 1
    finally:
        await owner.execute(f"drop schema {schema} cascade; drop role guest")


async def test_a_standby_is_temporary(ledger_url: str) -> None:
    url = f"{ledger_url}&default_transaction_read_only=on"
    await refused(url, StorageUnavailableException, "the database is read-only, perhaps a standby")


async def test_what_the_tables_cannot_hold_is_replaced(ledger_url: str) -> None:
    async with PostgresLedger(ledger_url, "one") as ledger:
        await ledger.plan([planned(1)])
        [claim] = await ledger.claim("a", 1, 60)
        assert await ledger.put(claim, claim.state, "busy: a\0b \ud800 " + "long " * 2000)
        found = await ledger.find(claim.file_id)
        assert found is not None
        assert (found.reason or "").startswith("busy: a\N{REPLACEMENT CHARACTER}b ? long")
        await ledger.note("odd", {"text": "a\0b\ud800"})
        assert (await ledger.events(name="odd"))[0][2] == {"text": "a\0b\ud800"}


async def test_no_password_is_logged(ledger_url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with PostgresLedger(ledger_url, "one", actor="me") as ledger:
        await ledger.note("apply", {})
        assert PASSWORD not in repr(vars(ledger)) + repr(await ledger.events())
    assert PASSWORD not in caplog.text
