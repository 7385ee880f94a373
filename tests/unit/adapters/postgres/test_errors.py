"""Which errors of a database are temporary."""

import asyncpg
import pytest

from s3py_helper.adapters.postgres.errors import is_temporary


@pytest.mark.parametrize(
    ("error", "temporary"),
    [
        (asyncpg.IdleInTransactionSessionTimeoutError("terminating connection"), True),
        (asyncpg.CannotConnectNowError("the database system is starting up"), True),
        (asyncpg.LockNotAvailableError("canceling statement due to lock timeout"), True),
        (asyncpg.InterfaceError("connection is closed"), True),
        (ConnectionRefusedError("refused"), True),
        (asyncpg.UndefinedTableError("no such table"), False),
        (asyncpg.InvalidPasswordError("wrong"), False),
        (asyncpg.ClientConfigurationError("no such file"), False),
    ],
)
def test_what_may_go_well_later_is_temporary(error: Exception, temporary: bool) -> None:
    assert is_temporary(error) is temporary
