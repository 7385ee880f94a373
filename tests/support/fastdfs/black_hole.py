"""An address that swallows connection attempts, as a host behind a dropping firewall does."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

_ENOUGH: Final = 8


@contextmanager
def black_hole(host: str = "127.1.9.9") -> Iterator[str]:
    """`host:port` of a listener whose queue is full: Linux then drops every further SYN."""
    with ExitStack() as opened:
        listener = opened.enter_context(socket.create_server((host, 0), backlog=0))
        for _ in range(_ENOUGH):
            visitor = opened.enter_context(socket.socket())
            visitor.setblocking(False)
            visitor.connect_ex(listener.getsockname())
        yield f"{host}:{listener.getsockname()[1]}"
