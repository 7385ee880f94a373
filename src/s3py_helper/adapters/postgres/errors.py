"""From the driver's errors to the kit's."""

import ssl
from typing import Final

import asyncpg

from s3py_helper.adapters.postgres.address import Address
from s3py_helper.domain.errors import StorageException, StorageOperationException, StorageUnavailableException

CONNECTION_LOST: Final = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What a statement ends with when its connection does; the last where the server has said so while nobody was asking.
Whether it took effect is not known."""

REPEATABLE: Final = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
"""The server has undone the transaction, and asks for it again."""

# Classes and codes of PostgreSQL, appendix A, "Error Codes": connections, resources, being stopped, system errors;
# read-only after a fail-over; locks that were not had in time; a process that was frozen within a transaction.
_TEMPORARY_CLASSES: Final = ("08", "53", "57", "58", "40")
_TEMPORARY_CODES: Final = frozenset({"25006", "25P03", "55P03"})

_WITHOUT_TLS: Final = "rejected SSL upgrade"
"""The driver's word for a server that has no TLS, where the URL asks for it; its class is that of lost connections."""


def translated(error: Exception, address: Address) -> StorageException:
    """What the kit makes of an error of the driver; says where the ledger is, without its password."""
    message = f"the ledger {address} failed: {first_line(error)}"
    return StorageUnavailableException(message) if is_temporary(error) else StorageOperationException(message)


def is_temporary(error: Exception) -> bool:
    """Whether the same call may succeed later."""
    if isinstance(error, ssl.SSLCertVerificationError | asyncpg.ClientConfigurationError) or _WITHOUT_TLS in str(error):
        return False
    if isinstance(error, asyncpg.PostgresError):
        code = str(error.sqlstate or "")
        return code.startswith(_TEMPORARY_CLASSES) or code in _TEMPORARY_CODES
    return isinstance(error, CONNECTION_LOST)


def first_line(error: Exception) -> str:
    """Details and hints of the server are left out: they may repeat the values of a statement."""
    return str(error).partition("\n")[0] or type(error).__name__
