"""Limits, and the account of what workers have drawn of them. Runs in the ledger's thread, inside a transaction."""

import json
import sqlite3
from typing import Final, Literal

from s3py_helper.application.ports.ledger import Limits

_MOST_AHEAD: Final = 600.0
"""A clock that was set back must not stop everything for as long as it was set back."""


def limits(connection: sqlite3.Connection) -> Limits:
    """See `Ledger.limits`."""
    row = connection.execute("select value from setting where name = 'limits'").fetchone()
    return Limits() if row is None else Limits(**json.loads(row[0]))


def draw(connection: sqlite3.Connection, what: Literal["bytes", "files"], count: int, now: float) -> float:
    """See `Ledger.draw`. The account holds the moment from which on there is something left."""
    current = limits(connection)
    rate = current.bytes_per_second if what == "bytes" else current.files_per_second
    if rate is None:
        return 0.0
    account = f"drawn {what}"
    row = connection.execute("select value from setting where name = ?", (account,)).fetchone()
    turn = now if row is None else min(max(now, float(row[0])), now + _MOST_AHEAD)
    connection.execute("insert or replace into setting values (?, ?)", (account, repr(turn + count / rate)))
    return turn - now


def forget_drawn(connection: sqlite3.Connection) -> None:
    """What was drawn at another rate counts no more."""
    connection.execute("delete from setting where name in ('drawn bytes', 'drawn files')")
