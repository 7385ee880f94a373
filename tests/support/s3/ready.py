"""Waiting until a server answers, and for ports that nobody uses."""

import random
import socket
import time
import urllib.request
from collections.abc import Callable

_PAUSE = 0.05
_PORTS = range(15_000, 32_000)
"""Below those that systems give to outgoing connections: between now and the start of the server, none takes one."""
_CHOICE = random.SystemRandom()  # tests in several processes shall not choose alike, whatever seeds the other one


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """Ports that were free a moment ago, all different: they are held until the last one is known."""
    held: list[socket.socket] = []
    try:
        while len(held) < count:
            try:
                held.append(socket.create_server((host, _CHOICE.choice(_PORTS))))
            except OSError:
                continue
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
