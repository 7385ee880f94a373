"""What the ledger's tables look like, and how a file of an earlier version becomes one of this version."""

import sqlite3
from typing import Final

from s3py_helper.application.migration.ledger_rows import FILE_COLUMNS
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import GateRefusedException, shard_of

COLUMNS: Final = ", ".join(FILE_COLUMNS)

_APPLICATION_ID: Final = 0x53335059
"""`S3PY`: says in the file's header whose it is."""

MOVED: Final = "moved to"
"""The setting of a ledger that was copied to another place: what was written to it from then on would be lost."""

# Each step leads from one version to the next; a step that was released is never changed.
_STEPS: Final = (
    """
    create table file(
        id text primary key, grp text not null, kind text not null, state integer not null default 0,
        fence integer not null default 0, size integer, crc32 integer, mtime integer,
        attempts integer not null default 0, next_at integer not null default 0,
        lease_owner text, lease_until integer, reason text, level text, proof text,
        object_key text, etag text, upload_id text,
        changed_at integer not null default 0, verified_at integer,
        accepted integer not null default 0, pending integer not null default 0, seen integer not null default 0,
        large integer generated always as (ifnull(size, 0) >= 8388608) virtual
    ) without rowid;
    create index file_to_copy on file(large, next_at) where state = 0;
    create index file_leased on file(lease_until) where state = 1;
    create index file_pending on file(id) where pending = 1;
    create index file_to_look_at on file(state, reason) where state in (6, 8);
    create table route(grp text primary key, route text not null) without rowid;
    create table source(
        name text primary key, grp text, scanned_at integer not null, files integer not null, complete integer not null
    ) without rowid;
    create table event(number integer primary key, at integer not null, name text not null, detail text not null);
    create table setting(name text primary key, value text not null) without rowid;
    """,
    """
    alter table file add column shard integer not null default 0;
    update file set shard = shard_of(id);
    drop index file_to_copy;
    create index file_to_copy on file(shard, large, next_at) where state = 0;
    """,
)


def prepare(connection: sqlite3.Connection, identity: str) -> None:
    """Make the tables, or bring them up to this version.

    Args:
        connection: An open connection without a transaction.
        identity: Which deployment the ledger belongs to.

    Raises:
        GateRefusedException: The file is not a ledger, of a newer version, or belongs to another deployment.
    """
    connection.execute("begin immediate")
    try:
        _upgrade(connection)
        _claim(connection, identity)
    except BaseException:  # a half-made ledger must not stay
        connection.rollback()
        raise
    connection.commit()


def prepare_any(connection: sqlite3.Connection) -> None:
    """Bring a ledger to this version inside a transaction, whichever migration it belongs to.

    Raises:
        GateRefusedException: The file is not a ledger, of a newer version, or has moved.
    """
    if connection.execute("pragma user_version").fetchone()[0] == 0:
        raise GateRefusedException("the file is not a migration's ledger: name another file")
    _upgrade(connection)
    _require_not_moved(connection)


def _upgrade(connection: sqlite3.Connection) -> None:
    application = connection.execute("pragma application_id").fetchone()[0]
    version = connection.execute("pragma user_version").fetchone()[0]
    is_new = connection.execute("select count(*) from sqlite_master").fetchone()[0] == 0
    if not is_new and application != _APPLICATION_ID:
        raise GateRefusedException("the file is a database, but not a migration's ledger: name another file")
    if version > len(_STEPS):
        raise GateRefusedException(
            f"the ledger has version {version}, this program knows up to {len(_STEPS)}: use a newer s3py-helper"
        )
    connection.create_function("shard_of", 1, lambda text: shard_of(FileId.parse(text)), deterministic=True)
    for step in _STEPS[version:]:
        for statement in step.split(";"):
            connection.execute(statement)
    connection.execute(f"pragma application_id = {_APPLICATION_ID}")
    connection.execute(f"pragma user_version = {len(_STEPS)}")


def _require_not_moved(connection: sqlite3.Connection) -> None:
    if (row := connection.execute("select value from setting where name = ?", (MOVED,)).fetchone()) is not None:
        raise GateRefusedException(f"the ledger was moved to {row[0]}: name that one")


def _claim(connection: sqlite3.Connection, identity: str) -> None:
    _require_not_moved(connection)
    connection.execute("insert or ignore into setting values ('identity', ?)", (identity,))
    found = connection.execute("select value from setting where name = 'identity'").fetchone()[0]
    if found != identity:
        raise GateRefusedException(
            f"the ledger belongs to another migration ({found}), this one is {identity}: name another file"
        )
