"""What tests of the adapter share."""

import pytest

from s3py_helper.adapters.s3.api import retrying


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Further attempts come at once."""
    monkeypatch.setattr(retrying, "_LONGEST_PAUSE", 0.0)
