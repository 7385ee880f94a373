"""An S3 that answers as it likes now and then: what a proxy before it does to single requests."""

import random
from collections.abc import Callable
from typing import Final

from tests.support.proxy import Act, Direction, Fault


def _answer(status: str, code: str) -> bytes:
    body = f"<Error><Code>{code}</Code><Message>a whim</Message></Error>"
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n"
        f"Connection: close\r\n\r\n{body}"
    ).encode()


_SLOW_DOWN: Final = _answer("503 Slow Down", "SlowDown")
_BROKEN: Final = _answer("500 Internal Server Error", "InternalError")

_WHIMS: Final = (
    Fault(Act.GARBAGE, Direction.REQUEST, garbage=_SLOW_DOWN),
    Fault(Act.GARBAGE, Direction.REQUEST, garbage=_BROKEN),
    Fault(Act.GARBAGE, Direction.RESPONSE, garbage=_BROKEN),  # it was done all the same
    Fault(Act.CUT, Direction.RESPONSE),
    Fault(Act.RESET, Direction.REQUEST, after=200),
    Fault(Act.CUT, Direction.RESPONSE, after=400),
)


def whimsical(chance: random.Random, *, share: float) -> Callable[[str], Fault | None]:
    """What befalls each request: something for that share of them."""
    return lambda _request_line: chance.choice(_WHIMS) if chance.random() < share else None
