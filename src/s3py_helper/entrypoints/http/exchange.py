"""One request and its response, followed message by message."""

import asyncio
from contextlib import suppress
from typing import Final

from starlette.types import Message, Receive, Scope, Send

LINGER_SECONDS: Final = 5.0
"""How long a refused body is still taken from the network, so that its sender gets to read the refusal."""

LINGER_IDLE_SECONDS: Final = 1.0
"""How long to wait for more of it."""


class Exchange:
    """Passes messages on, and ends exchanges whose response comes before the whole request has.

    Such a response says `Connection: close`, as the rest of the body is not wanted. Closing at once would reset the
    connection under a client that is still sending, and the response would be lost with it (RFC 9112, 9.6): what comes
    is read and dropped for a while.

    Attributes:
        started: Whether the response has begun.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.started = False
        self._receive = receive
        self._send = send
        self._request_complete = not announces_body(scope)
        self._early = False

    async def receive(self) -> Message:
        """The next message from the client."""
        message = await self._receive()
        if not message.get("more_body", False):
            self._request_complete = True
        return message

    async def send(self, message: Message) -> None:
        """Send the next message to the client."""
        if message["type"] == "http.response.start":
            self.started = True
            if not self._request_complete:
                self._early = True
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
        elif self._early and not message.get("more_body", False):
            await self._send({**message, "more_body": True})
            await self._linger()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    async def _linger(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                while not self._request_complete:
                    async with asyncio.timeout(LINGER_IDLE_SECONDS):
                        await self.receive()


def announces_body(scope: Scope) -> bool:
    """Whether the request has a body (RFC 9112, 6: one of the two headers is there, or there is none)."""
    for name, value in scope["headers"]:
        if name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0")):
            return True
    return False
