"""Where a ledger is, as a URL says, without the password wherever it is shown."""

import os
import re
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

from s3py_helper.domain.errors import InvalidArgumentException

DEFAULT_SCHEMA: Final = "s3py_migration"

_SCHEMES: Final = frozenset({"postgresql", "postgres"})
_SCHEMA: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_FILES: Final = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
_SHAPE: Final = "postgresql://USER:PASSWORD@HOST:5432/DATABASE"


@dataclass(frozen=True, slots=True)
class Address:
    """A database, and the schema in it that holds the ledger.

    Attributes:
        url: What the driver gets; holds the password, if the URL had one.
        schema: The schema of the ledger's tables.
        shown: The URL without the password.
        files: Files that the URL names, each with the name of its parameter.
    """

    url: str = field(repr=False)
    schema: str
    shown: str
    files: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read a URL of libpq's form (PostgreSQL manual, 32.1.1.2, "Connection URIs"), and `schema` besides.

        Raises:
            InvalidArgumentException: It is none. The message repeats nothing of it: what stands in the wrong place may
                be the password.
        """
        try:
            parts = urlsplit(url)
            names = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
            ports = [host.rpartition(":")[2] for host in parts.netloc.rpartition("@")[2].split(",") if _has_port(host)]
        except ValueError:
            raise _unreadable() from None
        misplaced = "@" in parts.path or parts.netloc.count("@") > 1 or parts.fragment
        if parts.scheme not in _SCHEMES or misplaced or not all(port.isdecimal() for port in ports):
            raise _unreadable()
        schema = names.pop("schema", DEFAULT_SCHEMA)
        if not _SCHEMA.fullmatch(schema):
            raise InvalidArgumentException(
                f"the schema of the ledger is a name of a-z, 0-9 and _, not {schema!r}: ?schema={DEFAULT_SCHEMA}"
            )
        query = f"?{urlencode(names)}" if names else ""
        given = f"postgresql://{parts.netloc}{parts.path}{query}"
        files = tuple((name, names[name]) for name in _FILES if name in names)
        return cls(given, schema, _shown(parts.netloc, parts.path, schema), files)

    def require_files(self) -> None:
        """Look whether the files of the URL are there; the driver's error would name none, and look temporary.

        Raises:
            InvalidArgumentException: One cannot be read.
        """
        for name, path in self.files:
            if not os.access(path, os.R_OK):
                raise InvalidArgumentException(f"{name}={path} in the URL of the ledger is no file that can be read")

    def __str__(self) -> str:
        """Without the password."""
        return self.shown


def _has_port(host: str) -> bool:
    return ":" in host.rpartition("]")[2]


def _shown(netloc: str, path: str, schema: str) -> str:
    user, at, hosts = netloc.rpartition("@")
    query = "" if schema == DEFAULT_SCHEMA else f"?schema={schema}"
    return f"postgresql://{user.partition(':')[0]}{at}{hosts}{path}{query}"


def _unreadable() -> InvalidArgumentException:
    return InvalidArgumentException(
        f"the URL of the ledger cannot be read: it has the form {_SHAPE}, and characters of the password such as "
        "@ : / ? # % are written as %40 %3A %2F %3F %23 %25"
    )
