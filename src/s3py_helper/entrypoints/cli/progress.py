"""Bars for people; nothing for scripts."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

type Advance = Callable[[int], None]
"""Tell that so many bytes more are done."""

type Track = Callable[[str, int | None], Advance]
"""Begin a bar with a name and a number of bytes, where known."""


@contextmanager
def progress_bars(*, wanted: bool = True) -> Generator[Track]:
    """Bars on standard error while it is a terminal."""
    if not wanted or not sys.stderr.isatty():
        yield lambda _name, _total: lambda _count: None
        return

    # rich is worth some 60 ms of import, which scripts need not pay.
    from rich.console import Console  # noqa: PLC0415
    from rich.markup import escape  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    # Results may share the terminal with the bars, and are then kept apart; where they go elsewhere, they go there.
    shared = sys.stdout.isatty()
    with Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=shared) as bars:

        def track(name: str, total: int | None) -> Advance:
            bar = bars.add_task(escape(name), total=total)
            return lambda count: bars.advance(bar, count)

        yield track
