"""What all unit tests are held to."""

import asyncio
from collections.abc import Iterator

import pytest

_failed: list[dict[str, object]] = []
_real = asyncio.BaseEventLoop.call_exception_handler


def _noting(loop: asyncio.BaseEventLoop, context: dict[str, object]) -> None:
    # Tasks and futures whose exception nobody has seen have no handle.
    if "handle" in context:
        _failed.append(context)
    _real(loop, context)


@pytest.fixture(scope="session", autouse=True)
def _callbacks_are_watched() -> Iterator[None]:
    asyncio.BaseEventLoop.call_exception_handler = _noting  # type: ignore[method-assign,assignment]  # as it is called
    yield
    asyncio.BaseEventLoop.call_exception_handler = _real  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def _no_callback_fails() -> Iterator[None]:
    """Of a timer or a callback that raises, the event loop makes a line in a log, and goes on."""
    _failed.clear()
    yield
    assert not _failed
