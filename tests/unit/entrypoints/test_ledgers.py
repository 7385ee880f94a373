"""What names a ledger, and how it is shown."""

from pathlib import Path

import pytest

from s3py_helper.adapters.postgres.ledger import PostgresLedger
from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.entrypoints.container.config import MigrationConfig
from s3py_helper.entrypoints.container.ledger_names import shown_ledger
from s3py_helper.entrypoints.container.ledgers import ledger_at
from s3py_helper.entrypoints.settings import Settings
from s3py_helper.entrypoints.settings_in_force import settings_in_force

URL = "postgresql://owner:s3cr3t@127.0.0.9:5433/ledgers?sslmode=require"


def test_a_path_is_sqlite_and_a_url_says_what_it_is(tmp_path: Path) -> None:
    assert isinstance(ledger_at(str(tmp_path / "ledger.db"), "one"), SqliteLedger)
    assert isinstance(ledger_at(f"sqlite:///{tmp_path}/ledger.db", "one"), SqliteLedger)
    assert isinstance(ledger_at(URL, "one"), PostgresLedger)


@pytest.mark.parametrize("url", ["mysql://u:s3cr3t@127.0.0.1/x", "sqlite:///"])
def test_other_databases_are_refused_without_their_passwords(url: str) -> None:
    with pytest.raises(InvalidArgumentException, match="a SQLite file or a PostgreSQL database") as refused:
        ledger_at(url, "one")
    assert "s3cr3t" not in str(refused.value)


def test_a_ledger_that_is_not_there_is_made_only_where_wanted(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentException, match="'plan' makes one"):
        ledger_at(str(tmp_path / "ledger.db"), "one", makes=False)
    assert list(tmp_path.iterdir()) == []


def test_settings_show_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3PY_MIGRATION__LEDGER", URL)
    shown = {setting.variable: setting.value for setting in settings_in_force(Settings())}
    assert shown["S3PY_MIGRATION__LEDGER"] == "postgresql://owner@127.0.0.9:5433/ledgers"
    assert "s3cr3t" not in repr(MigrationConfig(ledger=URL)) + str(MigrationConfig(ledger=URL))


@pytest.mark.parametrize(
    ("where", "shown"),
    [
        ("ledger.db", "ledger.db"),
        ("sqlite:///ledger.db", "sqlite:///ledger.db"),
        (URL, "postgresql://owner@127.0.0.9:5433/ledgers"),
        ("postgres://owner@127.0.0.9/x?schema=mine&password=s3cr3t", "postgresql://owner@127.0.0.9/x?schema=mine"),
        ("postgresql://owner:s3/cr3t@127.0.0.9/x", "postgresql://..."),
        ("mysql://owner:s3cr3t@127.0.0.9/x", "mysql://..."),
    ],
)
def test_names_are_shown_without_passwords(where: str, shown: str) -> None:
    assert shown_ledger(where) == shown
