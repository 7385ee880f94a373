"""Checks of arguments whose types are annotated, for callers without a type checker."""

from collections.abc import Iterable
from datetime import timedelta
from math import inf
from typing import cast

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.text_rules import require_text, shortened


def require_optional_text(value: object, what: str) -> str | None:
    """The text, or `None`; else `InvalidArgumentException`, which says what it should have been."""
    return None if value is None else require_text(value, what)


def require_instance[Kind](value: object, kind: type[Kind], what: str) -> Kind:
    """The value; `InvalidArgumentException` unless it is of that type."""
    if not isinstance(value, kind):
        raise _wrong(what, f"a {kind.__name__}", value)
    return value


def require_optional_instance[Kind](value: object, kind: type[Kind], what: str) -> Kind | None:
    """As `require_instance`; `None` passes."""
    return None if value is None else require_instance(value, kind, what)


def require_number(value: object, what: str, *, least: int = 0) -> int:
    """The whole number; `InvalidArgumentException` unless it is one, and at least `least`."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise _wrong(what, "a whole number", value)
    if value < least:
        raise InvalidArgumentException(f"{what} is at least {least}, got {shortened(value)}")
    return value


def require_optional_number(value: object, what: str, *, least: int = 0) -> int | None:
    """As `require_number`; `None` passes."""
    return None if value is None else require_number(value, what, least=least)


def require_amount(value: object, what: str) -> float:
    """The number, whole or not; `InvalidArgumentException` unless it is one, finite and not negative."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < inf:
        raise _wrong(what, "a number that is not negative", value)
    return value


def require_duration(value: object, what: str) -> timedelta:
    """The duration; `InvalidArgumentException` for anything else, a number of seconds too."""
    if not isinstance(value, timedelta):
        raise _wrong(what, "a datetime.timedelta", value)
    return value


def require_iterable(value: object, what: str, items: str) -> Iterable[object]:
    """The iterable; `InvalidArgumentException`, which names what its items are, for anything else and for a text."""
    if isinstance(value, str | bytes) or not hasattr(type(value), "__iter__"):
        raise _wrong(what, f"a list of {items}", value)
    return cast("Iterable[object]", value)


def require_items[Kind](values: object, kind: type[Kind], what: str) -> list[Kind]:
    """The items; `InvalidArgumentException` unless all are of that type."""
    return [require_instance(value, kind, f"each of {what}") for value in require_iterable(values, what, kind.__name__)]


def require_method(value: object, method: str, what: str) -> None:
    """Raise `InvalidArgumentException` unless the object has the method."""
    if not callable(getattr(value, method, None)):
        raise _wrong(what, f"an object with the method {method}", value)


def _wrong(what: str, right: str, value: object) -> InvalidArgumentException:
    return InvalidArgumentException(f"{what} is {right}, got {type(value).__name__}: {shortened(value)}")
