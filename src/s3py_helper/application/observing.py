"""Observers: the one that logs, which is the default, and one that shields operations from others' errors."""

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, override

from s3py_helper.application.ports.observer import (
    ConnectionReplaced,
    DownloadResumed,
    Event,
    FailedOver,
    FallbackTaken,
    Observer,
    OperationBegan,
    OperationEnded,
    PoolWaited,
    RequestRetried,
    RollbackFailed,
)

LOGGER_NAME: Final = "s3py_helper"

_LEVELS: Final[dict[type[Event], int]] = {
    OperationBegan: logging.DEBUG,
    OperationEnded: logging.DEBUG,
    RequestRetried: logging.DEBUG,
    ConnectionReplaced: logging.DEBUG,
    FailedOver: logging.INFO,
    DownloadResumed: logging.INFO,
    FallbackTaken: logging.WARNING,
    RollbackFailed: logging.WARNING,
    PoolWaited: logging.DEBUG,
}

_OF_OPERATIONS: Final[frozenset[type[Event]]] = frozenset({OperationBegan, OperationEnded})

_log: Final = logging.getLogger(LOGGER_NAME)


class LoggingObserver:
    """Writes each event as one line to the logger `s3py_helper`.

    What may need action is a WARNING, a change of servers INFO, everything else DEBUG.
    """

    # Asked before every operation, whose beginning and end are mostly not logged at all.
    wants_operations = staticmethod(partial(_log.isEnabledFor, logging.DEBUG))

    def notify(self, event: Event) -> None:
        """Log the event, if its level is enabled."""
        level = _LEVELS.get(type(event), logging.DEBUG)
        if _log.isEnabledFor(level):
            _log.log(level, "%s", _line(event))


class GuardedObserver:
    """Passes events on to an observer, whose errors are logged and do no harm.

    Attributes:
        wants_operations: Whether the observer wants to be notified of every operation. It seldom does, and two events
            would take a tenth of a small operation's time.
    """

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self.wants_operations: Callable[[], bool] = getattr(observer, "wants_operations", _always)

    def notify(self, event: Event) -> None:
        """Pass the event on."""
        try:
            self._observer.notify(event)
        except Exception:  # noqa: BLE001 - foreign code: an upload must not fail because a counter did
            _log.exception("the observer %s failed", type(self._observer).__name__)


def guarded(observer: Observer) -> GuardedObserver:
    """The observer, guarded once."""
    return observer if isinstance(observer, GuardedObserver) else GuardedObserver(observer)


class SeveralObservers(GuardedObserver):
    """Passes events on to several observers; an error of one keeps nothing from the others."""

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._observers = tuple((observer, guarded(observer).wants_operations) for observer in observers)
        wishes = [wish for _, wish in self._observers]
        self.wants_operations = _always if _always in wishes else lambda: any(wish() for wish in wishes)

    @override
    def notify(self, event: Event) -> None:
        """Pass the event on to each that wants it."""
        of_operation = type(event) in _OF_OPERATIONS
        for observer, wants_operations in self._observers:
            if not of_operation or wants_operations is _always or wants_operations():
                try:
                    observer.notify(event)
                except Exception:  # noqa: BLE001 - as above; guards around each would take as long as what they guard
                    _log.exception("the observer %s failed", type(observer).__name__)


def _always() -> bool:
    return True


def _line(event: Event) -> str:
    """`RequestRetried backend='s3' operation='upload' ...`: escaped, so that no name can forge a second line."""
    facts = ((name, getattr(event, name)) for name in type(event).__match_args__)
    return " ".join(
        [
            type(event).__name__,
            *(f"{name}={_shown(value)}" for name, value in facts if value is not None and value is not False),
        ]
    )


def _shown(value: object) -> str:
    return (
        f"{value:.3f}" if isinstance(value, float) else repr(str(value)) if not isinstance(value, int) else str(value)
    )
