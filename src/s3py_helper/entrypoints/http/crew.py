"""What the processes of one service share."""

from collections.abc import MutableSequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Crew:
    """The processes that serve together; by default one that is alone.

    Attributes:
        size: How many there are: each grants its part of the limits.
        rates: Where they count requests, in memory that all of them have.
        salt: Tells them how.
    """

    size: int = 1
    rates: MutableSequence[float] | None = None
    salt: bytes | None = None
