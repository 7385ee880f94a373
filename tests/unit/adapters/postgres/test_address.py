"""URLs of ledgers on PostgreSQL."""

import traceback
from pathlib import Path

import pytest

from s3py_helper.adapters.postgres.address import DEFAULT_SCHEMA, Address
from s3py_helper.domain.errors import InvalidArgumentException


@pytest.mark.parametrize(
    ("url", "given", "schema", "shown"),
    [
        ("postgresql://127.0.0.1/db", "postgresql://127.0.0.1/db", DEFAULT_SCHEMA, "postgresql://127.0.0.1/db"),
        (
            "postgres://u:p%40ss@127.0.0.1:5433/db?sslmode=verify-full&schema=mine&sslrootcert=%2Fetc%2Fca.pem",
            "postgresql://u:p%40ss@127.0.0.1:5433/db?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem",
            "mine",
            "postgresql://u@127.0.0.1:5433/db?schema=mine",
        ),
        (
            "postgresql://u:p@127.0.0.1:1,127.0.0.2:2/db?target_session_attrs=read-write",
            "postgresql://u:p@127.0.0.1:1,127.0.0.2:2/db?target_session_attrs=read-write",
            DEFAULT_SCHEMA,
            "postgresql://u@127.0.0.1:1,127.0.0.2:2/db",
        ),
        (
            "postgresql://u@[::1]:5433/db",
            "postgresql://u@[::1]:5433/db",
            DEFAULT_SCHEMA,
            "postgresql://u@[::1]:5433/db",
        ),
        ("postgresql:///db", "postgresql:///db", DEFAULT_SCHEMA, "postgresql:///db"),
    ],
)
def test_a_url_names_a_database_and_a_schema(url: str, given: str, schema: str, shown: str) -> None:
    address = Address.parse(url)
    assert (address.url, address.schema, str(address)) == (given, schema, shown)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:s3cr3t@x@127.0.0.1/db",
        "postgresql://u:s3cr3t/x@127.0.0.1/db",
        "postgresql://u:s3cr3t#x@127.0.0.1/db",
        "postgresql://u:s3cr3t?x@127.0.0.1/db",
        "postgresql://u:s3cr3t[x@127.0.0.1/db",
        "postgresql://u:5432/s3cr3t@127.0.0.1/db",
        "postgresql://u:5432#s3cr3t@127.0.0.1/db",
        "postgresql://u:5432?s3cr3t@127.0.0.1/db",
        "postgresql://u:x@127.0.0.1:s3cr3t/db",
        "mysql://u:s3cr3t@127.0.0.1/db",
        "s3cr3t",
    ],
)
def test_a_url_that_cannot_be_read_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InvalidArgumentException, match="has the form postgresql://USER:PASSWORD@HOST") as refused:
        Address.parse(url)
    assert "s3cr3t" not in "".join(traceback.format_exception_only(refused.value))
    assert refused.value.__cause__ is None


def test_a_schema_is_a_plain_name() -> None:
    with pytest.raises(InvalidArgumentException, match="a name of a-z, 0-9 and _"):
        Address.parse("postgresql://127.0.0.1/db?schema=a%22b")


def test_no_password_is_in_a_representation() -> None:
    assert "s3cr3t" not in repr(Address.parse("postgresql://u:s3cr3t@127.0.0.1/db"))


@pytest.mark.parametrize("name", ["sslrootcert", "sslcert", "sslkey", "sslcrl"])
def test_each_file_of_a_url_is_looked_for(name: str, tmp_path: Path) -> None:
    address = Address.parse(f"postgresql://127.0.0.1/db?{name}={tmp_path}/it.pem")
    with pytest.raises(InvalidArgumentException, match=f"{name}=.*/it.pem in the URL of the ledger is no file"):
        address.require_files()
    (tmp_path / "it.pem").touch()
    address.require_files()
