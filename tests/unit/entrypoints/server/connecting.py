"""A connection to the service's protocol, without a network."""

import asyncio
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from s3py_helper.entrypoints.server.protocol import HttpProtocol

PAUSE_SECONDS = 5
PEER = ("127.0.0.1", 1)


class Transport(asyncio.Transport):
    closed = False
    written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def pause_reading(self) -> None:
        """All has been read."""

    def resume_reading(self) -> None:
        """There is nothing more."""

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


class Connection:
    """One to an application; by default one that responds when it is told to."""

    def __init__(
        self, app: ASGIApp | None = None, state: dict[str, Any] | None = None, *, trusted: str = PEER[0]
    ) -> None:
        self.scopes: list[Scope] = []
        self.answered = asyncio.Event()
        self.answered.set()
        config = uvicorn.Config(
            app or self._app,
            log_config=None,
            interface="asgi3",
            timeout_keep_alive=PAUSE_SECONDS,
            forwarded_allow_ips=trusted,
        )
        config.load()
        self.state = ServerState()
        self.transport = Transport({"peername": PEER, "sockname": ("127.0.0.1", 80)})
        self.protocol = HttpProtocol(config, self.state, state or {}, asyncio.get_running_loop())
        self.protocol.connection_made(self.transport)

    async def _app(self, scope: Scope, _receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        await self.answered.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def ask(self, *headers: str, path: str = "/") -> None:
        """Send a request without a body."""
        lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *headers, "", ""]
        self.protocol.data_received("\r\n".join(lines).encode())
        await self.settle()

    async def settle(self) -> None:
        """Let the application go on."""
        for _ in range(5):
            await asyncio.sleep(0)
