"""How busy the connections of a backend are."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PoolUse:
    """The use of connections at one moment.

    Attributes:
        in_use: Connections that requests, or readers of responses, hold.
        limit: The most that there may be at once, to all servers that have been talked to.
    """

    in_use: int
    limit: int
