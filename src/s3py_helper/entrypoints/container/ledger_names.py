"""Names of ledgers as they may be shown: a URL can hold a password."""

from typing import Final

from s3py_helper.adapters.postgres.address import Address
from s3py_helper.domain.errors import InvalidArgumentException

_POSTGRES: Final = ("postgresql://", "postgres://")


def is_postgres(where: str) -> bool:
    """Whether a ledger is named that lies on PostgreSQL."""
    return where.startswith(_POSTGRES)


def shown_ledger(where: str) -> str:
    """The name without a password; of a URL that cannot be read, its scheme alone."""
    if is_postgres(where):
        try:
            return Address.parse(where).shown
        except InvalidArgumentException:
            return "postgresql://..."
    scheme, separator, _ = where.partition("://")
    return where if not separator or scheme == "sqlite" else f"{scheme}://..."
