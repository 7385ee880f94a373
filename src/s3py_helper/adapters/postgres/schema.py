"""Makes the ledger's tables, or brings them to this version, in one transaction."""

from functools import cache
from importlib.resources import files
from typing import Final

import asyncpg

from s3py_helper.adapters.postgres.address import Address
from s3py_helper.adapters.postgres.connections import Connection
from s3py_helper.adapters.postgres.errors import first_line
from s3py_helper.adapters.postgres.requirements import facts_of, require_usable
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.migration import GateRefusedException

_TABLES: Final = ("setting", "file", "tally", "route", "source", "event", "account", "batch")
_RIGHTS: Final = ("select", "insert", "update", "delete")

_LOCK: Final = "select pg_advisory_xact_lock(hashtextextended('s3py-ledger:' || $1, 0))"

_FOLD_FROM: Final = 200
"""Rows of counts, of connections that may be gone, from which on they are added up."""


@cache
def steps() -> tuple[str, ...]:
    """The statements that lead from each version to the next, in the order of their files' numbers."""
    folder = files(__package__) / "steps"
    return tuple(step.read_text("utf-8") for step in sorted(folder.iterdir(), key=lambda step: step.name))


async def prepare(connection: Connection, address: Address, identity: str, *, makes: bool) -> None:
    """Look at what is there, and make what is missing: `is_ready`, then `bring_up`. Raises what they raise."""
    if not await is_ready(connection, address, identity, makes=makes):
        await bring_up(connection, address, identity)


async def is_ready(connection: Connection, address: Address, identity: str, *, makes: bool) -> bool:
    """Whether a ledger can be used as it is; else it is to be made, or brought to this version.

    Args:
        connection: Outside a transaction.
        address: Where the ledger is; names its schema.
        identity: Which migration it belongs to.
        makes: Whether a ledger that is not there is made.

    Raises:
        GateRefusedException: It belongs to another migration, or must not be used by this user; or the server is not
            fit for it.
        InvalidArgumentException: There is none.
        StorageUnavailableException: The database takes no changes now.
    """
    require_usable(await facts_of(connection))
    await _require_usage(connection, address)
    if await _is_this_version(connection, address, identity):
        return True
    if not makes and not await _has_ledger(connection, address.schema):
        raise InvalidArgumentException(f"there is no ledger {address}: 'plan' makes one, --ledger names another")
    return False


async def bring_up(connection: Connection, address: Address, identity: str) -> None:
    """Make a ledger, or bring it to this version. Several may do so at once.

    Raises:
        GateRefusedException: It belongs to another migration, is of a newer version, or must not be used by this user.
            Nothing was written.
    """
    try:
        async with connection.transaction():
            await connection.execute("set local statement_timeout = 0")  # a step may rewrite a large table
            # One after the other: the second finds what the first has made.
            await connection.execute(_LOCK, address.schema)
            await _upgrade(connection, address)
            await _claim(connection, identity)
    except asyncpg.InsufficientPrivilegeError as error:
        raise GateRefusedException(
            f"this user may not make the ledger {address} ({first_line(error)}): let its owner run 'create schema "
            f"{address.schema} authorization USER', or grant the right to create in the database"
        ) from error


async def _has_ledger(connection: Connection, schema: str) -> bool:
    """Whether the table is there that says whose it is, and not another of its name."""
    columns = "select count(*) = 2 from pg_attribute where attrelid = to_regclass($1) and attname in ('name', 'value')"
    return bool(await connection.fetchval(columns, f"{schema}.setting"))


async def _is_this_version(connection: Connection, address: Address, identity: str) -> bool:
    """Whether nothing is to be done, as always but for the first time."""
    if not await _has_ledger(connection, address.schema):
        return False
    await _require_rights(connection, address)
    if await _version(connection) != len(steps()):
        return False
    await _require_identity(connection, identity)
    if await connection.fetchval("select count(*) from tally") > _FOLD_FROM:
        await _fold_counts(connection)
    return True


async def _upgrade(connection: Connection, address: Address) -> None:
    version = 0
    if await _has_ledger(connection, address.schema):
        version = await _version(connection)
    else:
        await _require_empty(connection, address)
        if not await connection.fetchval("select to_regnamespace($1) is not null", address.schema):
            await connection.execute(f"create schema {address.schema}")
    if version > len(steps()):
        raise GateRefusedException(
            f"the ledger has version {version}, this program knows up to {len(steps())}: use a newer s3py-helper"
        )
    for step in steps()[version:]:
        await connection.execute(step)
    await connection.execute(
        "insert into setting values ('version', $1) on conflict (name) do update set value = excluded.value",
        str(len(steps())),
    )


async def _claim(connection: Connection, identity: str) -> None:
    await connection.execute("insert into setting values ('identity', $1) on conflict do nothing", identity)
    await _require_identity(connection, identity)


async def _version(connection: Connection) -> int:
    return int(await connection.fetchval("select value from setting where name = 'version'") or 0)


async def _require_identity(connection: Connection, identity: str) -> None:
    found = await connection.fetchval("select value from setting where name = 'identity'")
    if found != identity:
        raise GateRefusedException(
            f"the ledger belongs to another migration ({found}), this one is {identity}: "
            "name another database or schema"
        )


async def _require_empty(connection: Connection, address: Address) -> None:
    there = await connection.fetchval(
        "select count(*) from pg_class where relnamespace = to_regnamespace($1)", address.schema
    )
    if there:
        raise GateRefusedException(
            f"the schema {address.schema} holds something, but no migration's ledger: name another with ?schema=..."
        )


async def _require_usage(connection: Connection, address: Address) -> None:
    allowed = "select coalesce(has_schema_privilege(to_regnamespace($1)::oid, 'usage'), true)"
    if not await connection.fetchval(allowed, address.schema):
        raise GateRefusedException(
            f"this user lacks the right to use the schema {address.schema} of the ledger {address}: "
            "use the ledger's owner, or let it grant usage"
        )


async def _require_rights(connection: Connection, address: Address) -> None:
    missing = await connection.fetchval(
        "select string_agg(permission || ' on ' || name, ', ') "
        "from unnest($2::text[]) as name, unnest($3::text[]) as permission "
        "where to_regclass($1 || '.' || name) is not null "
        "and not has_table_privilege(to_regclass($1 || '.' || name), permission)",
        address.schema,
        _TABLES,
        _RIGHTS,
    )
    if missing:
        raise GateRefusedException(
            f"this user lacks rights on the ledger {address}: {missing}. Use the ledger's owner, or let it grant them"
        )


async def _fold_counts(connection: Connection) -> None:
    """Add up what connections that are gone have counted."""
    await connection.execute(
        "with old as ("
        "delete from tally where slot <> 0 and slot not in (select pid from pg_stat_activity) returning *) "
        "insert into tally as t select 0, grp, state, sum(files), sum(bytes) from old group by grp, state "
        "on conflict (slot, grp, state) "
        "do update set files = t.files + excluded.files, bytes = t.bytes + excluded.bytes"
    )
