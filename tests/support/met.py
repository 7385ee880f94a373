"""Which real servers a test run has met, as a table at its end: a green run says little without them."""

from collections.abc import Generator
from typing import Any, Final

import pytest

_LABELS: Final = {
    "seaweedfs": "SeaweedFS",
    "moto": "moto",
    "fastdfs_site": "FastDFS",
    "storage_id_site": "FastDFS, storage ids",
    "trunk_site": "FastDFS, trunk files",
    "postgres": "PostgreSQL",
    "nats_server": "NATS",
    "redis_server": "Redis",
    "chromium": "Chromium",
    "nginx": "nginx",
    "caddy": "Caddy",
    "systemd_analyze": "systemd-analyze",
    "docker_compose": "docker compose",
    "docker": "Docker",
}
_outcomes: Final[dict[str, str]] = {}
_NOT_MET: Final = "not met: "
_IN_WORKER: Final = "servers met"


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
    label = _LABELS.get(fixturedef.argname)
    try:
        server = yield
    except pytest.skip.Exception as reason:
        if label is not None:
            _outcomes.setdefault(label, f"{_NOT_MET}{reason}")
        raise
    if label is not None:
        _outcomes[label] = str(getattr(server, "description", "met"))
    return server


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what this process has met to the one that writes the table, where tests run in several (pytest-xdist)."""
    output: dict[str, object] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_IN_WORKER] = dict(_outcomes)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take it over; a server that any of them has met counts as met."""
    for label, outcome in getattr(node, "workeroutput", {}).get(_IN_WORKER, {}).items():
        if not outcome.startswith(_NOT_MET) or label not in _outcomes:
            _outcomes[label] = outcome


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("servers")
    for label in _LABELS.values():
        terminalreporter.write_line(f"{label:<22}{_outcomes.get(label, 'asked for by no test of this run')}")
