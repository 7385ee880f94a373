"""Naming what a misspelt name probably means."""

from collections.abc import Iterable
from typing import Final

_ALIKE: Final = 0.6
"""From this ratio on two names count as alike (the measure, and the value, of `difflib.get_close_matches`)."""

_AS_GOOD_AS_THE_BEST: Final = 0.25
_MOST_SUGGESTIONS: Final = 2


def unknown_name(name: str, known: Iterable[str], *, prefix: str = "", see: str | None = None) -> str:
    """Say that there is no such setting, and what was probably meant; else list all that exist, or `see` a list.

    Neither case, nor the kind of dashes, nor the prefix counts for the likeness.
    """
    names = list(known)
    if nearest := _nearest(name, names, prefix):
        return f"there is no such setting, did you mean {' or '.join(nearest)}?"
    return f"there is no such setting; {f'{see} lists all' if see else f'there are {", ".join(names)}'}"


def _nearest(name: str, known: list[str], prefix: str) -> list[str]:
    # Nothing but an error needs it.
    from difflib import SequenceMatcher  # noqa: PLC0415

    matcher = SequenceMatcher()
    matcher.set_seq2(_folded(name.removeprefix(prefix)))

    def likeness(other: str) -> float:
        matcher.set_seq1(_folded(other.removeprefix(prefix)))
        return matcher.ratio()

    ranked = sorted(((likeness(other), other) for other in known), reverse=True)[:_MOST_SUGGESTIONS]
    least = max(_ALIKE, ranked[0][0] - _AS_GOOD_AS_THE_BEST) if ranked else _ALIKE
    return [other for ratio, other in ranked if ratio >= least]


def _folded(name: str) -> str:
    return name.casefold().replace("-", "_")
