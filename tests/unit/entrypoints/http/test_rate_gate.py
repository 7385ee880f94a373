"""Whom requests count for that come too fast."""

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from starlette.types import Scope

from s3py_helper.entrypoints.http.access.tokens import Tokens
from s3py_helper.entrypoints.http.limits.rates import RateLimit
from s3py_helper.entrypoints.http.rate_gate import RateGate


class Rate:
    """Grants nothing, and remembers whom."""

    def __init__(self, wait: float) -> None:
        self.asked: list[str] = []
        self._wait = wait

    def wait_of(self, client: str) -> float:
        self.asked.append(client)
        return self._wait


def scope(path: str = "/files", name: str | None = None) -> Scope:
    return {"type": "http", "path": path, "client": ("127.0.0.5", 1), "name": name}


def gate(rate: Rate, *, tokens: bool = True, root_path: str = "") -> RateGate:
    known = SimpleNamespace(name_of=lambda asked: asked["name"]) if tokens else None
    return RateGate(cast("RateLimit", rate), cast("Tokens", known), root_path)


@pytest.mark.parametrize(
    ("name", "tokens", "whose", "counted"),
    [
        ("web", True, "token", "token web"),
        (None, True, "address", "address 127.0.0.5"),
        ("web", False, "address", "address 127.0.0.5"),
    ],
)
def test_a_request_counts_for_its_token_or_else_its_address(
    name: str | None, tokens: bool, whose: str, counted: str
) -> None:
    rate = Rate(1.2)
    response: Any = gate(rate, tokens=tokens).refusal(scope(name=name))
    assert rate.asked == [counted]
    assert (response.status_code, response.headers["retry-after"]) == (429, "2")
    assert json.loads(response.body)["detail"] == f"too many requests of this {whose}: come back in 2 s"


def test_what_is_in_time_passes() -> None:
    rate = Rate(0)
    assert gate(rate).refusal(scope()) is None
    assert len(rate.asked) == 1


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz", "/health"])
def test_probes_are_not_counted(path: str) -> None:
    rate = Rate(1)
    assert gate(rate, root_path="/api").refusal(scope(path)) is None
    assert gate(rate, root_path="/api").refusal(scope(f"/api{path}")) is None
    assert rate.asked == []
    assert gate(rate).refusal(scope(f"/api{path}")) is not None
