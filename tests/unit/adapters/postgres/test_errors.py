"""Which errors of a database are temporary."""

import ssl

import asyncpg
import pytest

from s3py_helper.adapters.postgres.address import Address
from s3py_helper.adapters.postgres.errors import is_temporary, translated
from s3py_helper.domain.errors import StorageOperationException, StorageUnavailableException


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
        (asyncpg.ConnectionFailureError("connection failure"), True),
        (asyncpg.TooManyConnectionsError("too many clients"), True),
        (asyncpg.DiskFullError("could not extend file"), True),
        (asyncpg.AdminShutdownError("terminating connection"), True),
        (asyncpg.PostgresIOError("could not read block"), True),
        (asyncpg.SerializationError("could not serialize"), True),
        (asyncpg.ReadOnlySQLTransactionError("read-only transaction"), True),
        (asyncpg.InternalClientError("the connection is gone"), True),
        (asyncpg.PostgresError("without a code"), False),
        (ssl.SSLCertVerificationError("self-signed"), False),
        (ConnectionError("PostgreSQL server at 127.0.0.9:5432 rejected SSL upgrade"), False),
        (ValueError("somebody else's"), False),
    ],
)
def test_what_may_go_well_later_is_temporary(error: Exception, temporary: bool) -> None:
    assert is_temporary(error) is temporary


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (
            asyncpg.LockNotAvailableError("lock timeout\nDETAIL:  the value of a row"),
            StorageUnavailableException,
            "lock timeout",
        ),
        (asyncpg.UndefinedTableError("no such table"), StorageOperationException, "no such table"),
        (ConnectionResetError(), StorageUnavailableException, "ConnectionResetError"),
    ],
)
def test_an_error_says_where_and_the_first_line_of_why(error: Exception, kind: type[Exception], told: str) -> None:
    found = translated(error, Address.parse("postgresql://owner:secret@127.0.0.9/db"))
    assert type(found) is kind
    assert str(found) == f"the ledger postgresql://owner@127.0.0.9/db failed: {told}"
