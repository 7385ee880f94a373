"""What tests of requests share."""

import pytest

from s3py_helper.application.concurrency.deadlines import DeadlineWatch, Limit


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that each attempt was given."""
    seen: list[float] = []
    real = DeadlineWatch.limit

    def limit(watch: DeadlineWatch, seconds: float) -> Limit:
        seen.append(seconds)
        return real(watch, seconds)

    monkeypatch.setattr(DeadlineWatch, "limit", limit)
    return seen
