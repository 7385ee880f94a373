"""Which databases can hold a ledger."""

from dataclasses import replace

import pytest

from s3py_helper.adapters.postgres.requirements import ServerFacts, require_usable
from s3py_helper.domain.errors import StorageException, StorageUnavailableException
from s3py_helper.domain.migration import GateRefusedException

_FIT = ServerFacts(180004, "18.4", "UTF8", is_read_only=False)


@pytest.mark.parametrize("facts", [_FIT, replace(_FIT, version=150000, version_text="15.0")])
def test_a_database_of_a_tested_version_in_utf_8_is_fit(facts: ServerFacts) -> None:
    require_usable(facts)


@pytest.mark.parametrize(
    ("facts", "kind", "says"),
    [
        (
            replace(_FIT, version=140019, version_text="14.19"),
            GateRefusedException,
            "needs PostgreSQL 15 or newer, this server is 14.19",
        ),
        (replace(_FIT, encoding="LATIN1"), GateRefusedException, "in UTF-8, this one is in LATIN1"),
        (replace(_FIT, is_read_only=True), StorageUnavailableException, "read-only, perhaps a standby"),
    ],
)
def test_others_are_refused(facts: ServerFacts, kind: type[StorageException], says: str) -> None:
    with pytest.raises(kind, match=says):
        require_usable(facts)
