"""What tests of connections share."""

import asyncio
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def failed_callbacks(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, object]]]:
    """Timers and callbacks that raised: the event loop only logs them, and goes on."""
    failed: list[dict[str, object]] = []
    real = asyncio.BaseEventLoop.call_exception_handler

    def handle(loop: asyncio.BaseEventLoop, context: dict[str, object]) -> None:
        # Tasks and futures whose exception nobody has seen have none.
        if "handle" in context:
            failed.append(context)
        real(loop, context)

    monkeypatch.setattr(asyncio.BaseEventLoop, "call_exception_handler", handle)
    yield failed
    assert not failed
