"""Waiting until a server answers, and for ports that nobody uses."""

import socket
import time
import urllib.request
from collections.abc import Callable

_PAUSE = 0.05


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """Ports that were free a moment ago, all different: they are held until the last one is known."""
    held = [socket.create_server((host, 0)) for _ in range(count)]
    try:
        return [listener.getsockname()[1] for listener in held]
    finally:
        for listener in held:
            listener.close()


def wait_for_http(url: str, *, seconds: float, still_alive: Callable[[], bool]) -> None:
    """Return when the URL answers 200; raise `TimeoutError`, or `RuntimeError` when the server has died."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not still_alive():
            raise RuntimeError(f"the server behind {url} has ended")
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(_PAUSE)
    raise TimeoutError(f"no answer from {url} within {seconds} s")
