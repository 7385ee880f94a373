"""The lines that are shown, cut to the width of the terminal."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from s3py_helper.entrypoints.cli.progress.tally import RunningFile, Tally

MOST_FILES: Final = 8
"""Files under way that get a line each; the rest is a number."""

_BAR: Final = 20
_FACTS: Final = 24
"""Columns that the numbers behind a bar may take."""

_KILO: Final = 1024
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_HOUR: Final = 3600


@dataclass(frozen=True, slots=True)
class Marks:
    """What the terminal can show.

    Attributes:
        done: The part of a bar that is done.
        rest: The part that is not.
        between: Stands between facts.
    """

    done: str
    rest: str
    between: str


UNICODE: Final = Marks("━", "─", " · ")
ASCII: Final = Marks("#", "-", ", ")


def lines_of(tally: Tally, width: int, height: int, marks: Marks) -> list[str]:
    """The files under way, and a line for all of them.

    Args:
        tally: What to show.
        width: Columns of the terminal.
        height: Its lines; some stay free, because what has scrolled away cannot be taken back.
        marks: How bars are drawn.
    """
    # A single file is its own total.
    room = 0 if tally.files == 1 else max(0, min(MOST_FILES, height - 3))
    running = list(tally.running.values())
    lines = [_file_line(file, width, marks) for file in running[:room]]
    if room and len(running) > room:
        lines.append(f"  and {len(running) - room} more")
    lines.append(f"  {marks.between.join(_facts(tally, marks))}")
    return [clipped(line, width - 1) for line in lines]


def clipped(text: str, columns: int) -> str:
    """As much of the text as fits, without control codes: names come from elsewhere."""
    shown: list[str] = []
    for character in text:
        if not character.isprintable():
            continue
        columns -= _columns_of(character)
        if columns < 0:
            break
        shown.append(character)
    return "".join(shown)


def bytes_text(count: float) -> str:
    """A number of bytes: `512 B`, `1.5 MiB`."""
    unit = 0
    while count >= _KILO and unit < len(_UNITS) - 1:
        count /= _KILO
        unit += 1
    return f"{count:.1f} {_UNITS[unit]}" if unit else f"{count:.0f} B"


def _file_line(file: RunningFile, width: int, marks: Marks) -> str:
    room = max(8, min(40, width - _BAR - _FACTS))
    name = clipped(file.name, room)
    padding = " " * (room - sum(map(_columns_of, name)))
    return f"  {name}{padding} {_bar(file.done, file.size, marks)}{_of(file.done, file.size)}"


def _facts(tally: Tally, marks: Marks) -> Iterator[str]:
    if tally.files == 1:
        name = next((file.name for file in tally.running.values()), "")
        yield f"{clipped(name, 40)} {_bar(tally.bytes_done, tally.size, marks)}{_of(tally.bytes_done, tally.size)}"
    else:
        files = f"{tally.files_done} files" if tally.files is None else f"{tally.files_done} of {tally.files} files"
        yield f"{_bar(tally.files_done, tally.files, marks)}{files}"
        yield _of(tally.bytes_done, tally.size)
    if (speed := tally.bytes_per_second) is not None:
        yield f"{bytes_text(speed)}/s"
    if (left := tally.seconds_left) is not None:
        yield f"{_duration(left)} left"


def _bar(done: int, whole: int | None, marks: Marks) -> str:
    if not whole:
        return ""
    filled = min(_BAR, _BAR * done // whole)
    return f"{marks.done * filled}{marks.rest * (_BAR - filled)} "


def _of(done: int, whole: int | None) -> str:
    return bytes_text(done) if whole is None else f"{bytes_text(done)} of {bytes_text(whole)}"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole >= _HOUR:
        return f"{whole // _HOUR}:{whole % _HOUR // 60:02}:{whole % 60:02}"
    return f"{whole // 60}:{whole % 60:02}"


def _columns_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
