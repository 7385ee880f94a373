"""How many examples of generated input a test tries."""

from typing import Final

from hypothesis import settings

_ORDINARY: Final = 100
"""Examples of a test that does not say how many, in `make test`."""


def examples(ordinary: int) -> int:
    """So many in `make test`, and in `make fuzz` as many times more as its profile has more than others."""
    return max(1, ordinary * settings().max_examples // _ORDINARY)
