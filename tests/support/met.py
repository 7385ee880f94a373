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
    "chromium": "Chromium",
}
_outcomes: Final[dict[str, str]] = {}


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
    label = _LABELS.get(fixturedef.argname)
    try:
        server = yield
    except pytest.skip.Exception as reason:
        if label is not None:
            _outcomes.setdefault(label, f"not met: {reason}")
        raise
    if label is not None:
        _outcomes[label] = str(getattr(server, "description", "met"))
    return server


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("servers")
    for label in _LABELS.values():
        terminalreporter.write_line(f"{label:<22}{_outcomes.get(label, 'asked for by no test of this run')}")
