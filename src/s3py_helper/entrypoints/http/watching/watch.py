"""Follows requests from their first byte to the last of their responses."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Final, Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from s3py_helper.entrypoints.http.downloads.sourced_response import UNSENT_EXTENSION
from s3py_helper.entrypoints.http.problems.route import CLIENT_CLOSED_REQUEST, ResponseCutShort
from s3py_helper.entrypoints.http.request_record import BrokenBy, RequestRecord, current_request

_TOLD_BY_STATUS: Final[Mapping[int, BrokenBy]] = {CLIENT_CLOSED_REQUEST: "client", 408: "limit"}
"""Responses to requests that did not come to their end."""


class Watcher(Protocol):
    """Is told of requests; must return at once."""

    def began(self, record: RequestRecord) -> None:
        """A request has come."""
        ...

    def ended(self, record: RequestRecord) -> None:
        """It has been served, or given up."""
        ...


class Watch:
    """The application, watched. Each response gets the header `X-Request-ID`.

    A response that was cut short ends here (see `ResponseCutShort`): the server need not be told more than that it is
    not complete.
    """

    def __init__(self, app: ASGIApp, watchers: Sequence[Watcher]) -> None:
        self._app = app
        self._watchers = tuple(watchers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = RequestRecord.of(scope)
        record.attach_to(scope)
        # Never reset: the server has a context for each request.
        current_request.set(record)
        gone = scope.get("extensions", {}).get(UNSENT_EXTENSION, {}).get("gone")
        exchange = _WatchedExchange(record, receive, send, gone)
        for watcher in self._watchers:
            watcher.began(record)
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except ResponseCutShort:
            exchange.broken_by = "backend"
        except asyncio.CancelledError:
            # The server cancels what has not ended in the time that there is when it is stopped.
            exchange.broken_by = "limit"
            raise
        except BaseException:  # a bug: the server logs it, and has cut the connection unless a response was sent
            exchange.broken_by = "backend"
            raise
        finally:
            record.seconds = monotonic() - record.began
            record.route = getattr(scope.get("route"), "path_format", None)
            record.file_id = scope.get("path_params", {}).get("file_id")
            record.broken_by = exchange.cause()
            for watcher in self._watchers:
                watcher.ended(record)


class _WatchedExchange:
    """Passes messages on and takes note of them."""

    def __init__(self, record: RequestRecord, receive: Receive, send: Send, gone: Callable[[], bool] | None) -> None:
        self.broken_by: BrokenBy | None = None
        self._record = record
        self._receive = receive
        self._send = send
        self._gone = gone
        self._complete = False
        self._left = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._record.received += len(message.get("body", b""))
        elif not self._complete:
            self._left = True
        return message

    async def send(self, message: Message) -> None:
        record = self._record
        if message["type"] == "http.response.start":
            record.status = message["status"]
            record.first_byte_after = monotonic() - record.began
            headers = [*message.get("headers", ()), (b"x-request-id", record.request_id.encode())]
            message = {**message, "headers": headers}
        elif message["type"] == "http.response.body":
            record.sent += len(message.get("body", b""))
            if not message.get("more_body", False):
                # Servers take what they are given for a client that has left, and drop it.
                self._left = self._left or (self._gone is not None and self._gone())
                self._complete = not self._left
        await self._send(message)

    def cause(self) -> BrokenBy | None:
        if self._complete:
            return _TOLD_BY_STATUS.get(self._record.status or 0)
        if self.broken_by is not None:
            return self.broken_by
        # A client that takes nothing for too long is given up without having left.
        return "client" if self._left else "limit"
