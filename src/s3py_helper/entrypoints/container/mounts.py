"""Stores of somebody else's, beside those of the kit: docs/writing-an-adapter.md."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Final, cast

from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.application.ports.observer import Observer
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.file_id import check_scheme
from s3py_helper.domain.text_rules import shortened

ENTRY_POINTS: Final = "s3py_helper.backends"
"""The group of entry points under which installed packages offer backends; an entry's name is its scheme."""

type OpenBackend = Callable[[Observer], AbstractAsyncContextManager[MountedBackend]]
"""Opens a backend for as long as the block lasts."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A backend under a scheme of its own.

    Attributes:
        scheme: How its ids begin, without the colon: `shelf` for `shelf:<bucket>/<key>`. 2 to 32 of a-z 0-9 -.
        open: Opens it when the manager or the service is opened; is given the observer to notify.

    Raises:
        InvalidArgumentException: The scheme is not valid, or belongs to the kit.
    """

    scheme: str
    open: OpenBackend

    def __post_init__(self) -> None:
        check_scheme(self.scheme)
        if not callable(self.open):
            raise InvalidArgumentException(
                f"a mount needs a function that opens its backend, got {shortened(self.open)}"
            )


def installed_mounts(schemes: Sequence[str]) -> tuple[Mount, ...]:
    """The backends that installed packages offer under these schemes.

    Raises:
        InvalidArgumentException: No installed package offers one of them, or its module cannot be imported.
    """
    # Looking through all installed packages takes longer than reading the settings.
    offered = {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)} if schemes else {}
    return tuple(Mount(scheme, _loaded(scheme, offered)) for scheme in schemes)


def _loaded(scheme: str, offered: dict[str, EntryPoint]) -> OpenBackend:
    entry = offered.get(scheme)
    if entry is None:
        there = ", ".join(sorted(offered)) or "none"
        raise InvalidArgumentException(f"no installed package offers a backend {shortened(scheme)}; there are: {there}")
    try:
        return cast("OpenBackend", entry.load())
    except Exception as error:  # somebody else's module may fail in any way while it is imported
        raise InvalidArgumentException(f"the backend {scheme!r} ({entry.value}) cannot be imported: {error}") from error
