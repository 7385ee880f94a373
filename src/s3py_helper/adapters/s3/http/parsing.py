"""One response, parsed from bytes as they arrive. No I/O."""

from collections import deque
from functools import lru_cache
from typing import Final

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpResponseParser

from s3py_helper.adapters.s3.http.faults import BrokenOff, Disconnected, NotHttp

LARGEST_HEAD: Final = 64 * 1024
"""Bytes of a head, including interim responses before it, and of whatever else is not body: trailers, extensions of
chunks. S3's own heads have a tenth of that. One read of the event loop may come on top."""

_FIRST_STATUS: Final = 100
_FIRST_FINAL_STATUS: Final = 200
_LINE_FEED: Final = 10


@lru_cache(maxsize=256)
def _lower(name: bytes) -> str:
    """A header's name, cached: they are few, and the same in every response."""
    return name.decode("latin-1").lower()


class ResponseParser:
    """Fed with what the connection receives; llhttp parses heads and chunked bodies.

    A body whose length the head announces is passed on as it arrives, neither parsed nor copied.

    Args:
        bodyless: The response has no body whatever its headers say, as with HEAD and CONNECT (RFC 9112, 6.3).

    Attributes:
        status: Status code.
        headers: By name in lower case; those that come several times are joined as RFC 9110, 5.3 says. Trailers are
            left out (RFC 9110, 6.5.1).
        has_begun: Whether anything has arrived.
        has_head: Whether status and headers are complete.
        complete: Whether everything has arrived.
        keeps_alive: Whether the connection may carry another exchange after this one.
        has_surplus: Whether more arrived than the response.
        held: How many bytes of the body wait to be taken.
    """

    def __init__(self, *, bodyless: bool = False) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.has_begun = False
        self.has_head = False
        self.complete = False
        self.keeps_alive = False
        self.has_surplus = False
        self.held = 0
        self._chunks: deque[bytes] = deque()
        self._bodyless = bodyless
        self._is_1_1 = False
        self._since_body = 0
        self._ends_with_connection = False
        self._left: int | None = None
        self._dropped: int | None = None
        # The two refer to each other, and would wait for the garbage collector: llhttp, being done, is dropped.
        self._llhttp: HttpResponseParser | None = HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            NotHttp: They are not a response's.
        """
        if self.complete:
            # Unsolicited.
            self._note_surplus()
        elif self.has_head and self._left is not None:
            self._pass_on(data, self._left)
        else:
            self._parse(data)

    def feed_end(self, *, orderly: bool = True) -> None:
        """The connection has been closed.

        Args:
            orderly: Whether the other side meant to, which over TLS it has to say: anybody in between could cut a body
                that ends with the connection (RFC 9112, 9.8).

        Raises:
            Disconnected: Not even the beginning of a response had come.
            BrokenOff: The response is not complete.
        """
        self.keeps_alive = False
        if self.complete:
            return
        if not self.has_begun:
            raise Disconnected
        if not self._ends_with_connection or not orderly:
            raise BrokenOff
        self.complete = True

    def take(self) -> bytes:
        """The next bytes of the body; empty when there are none yet, or no more."""
        if not self._chunks:
            return b""
        chunk = self._chunks.popleft()
        self.held -= len(chunk)
        return chunk

    def drop(self, at_most: int) -> bool:
        """Drop what waits of the body, and what follows.

        Args:
            at_most: Bytes that may follow.

        Returns:
            Whether, as far as is known, no more than that many bytes follow.
        """
        self._chunks.clear()
        self.held = 0
        self._dropped = 0
        return not self._ends_with_connection and (self._left is None or self._left <= at_most)

    def abandon(self) -> None:
        """Nothing more will arrive, and nobody wants what has."""
        self.drop(0)
        self._llhttp = None

    @property
    def dropped(self) -> int:
        """Bytes of the body that arrived after `drop`."""
        return self._dropped or 0

    def _pass_on(self, data: bytes, left: int) -> None:
        surplus = len(data) - left
        if surplus > 0:
            self._note_surplus()
            data = data[:left]
        self.on_body(data)
        self.complete = surplus >= 0

    def _parse(self, data: bytes) -> None:
        if self._llhttp is None:
            return  # abandoned
        if not self.has_begun:
            self.has_begun = True
            self._is_1_1 = data.startswith(b"HTTP/1.1 ")
        self._since_body += len(data)
        try:
            self._llhttp.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            # After a complete response it is what follows that cannot be read.
            if not self.complete:
                raise _not_http(error) from error
            self._note_surplus()
        if self._since_body > LARGEST_HEAD:
            raise NotHttp("its headers or trailers do not end")
        if self._bodyless and self.complete and data[-1] != _LINE_FEED:
            # What llhttp has not recognised as the beginning of a body yet.
            self._note_surplus()
        if self.complete or self._left is not None:
            self._llhttp = None

    def _note_surplus(self) -> None:
        self.has_surplus = True
        self.keeps_alive = False

    # What llhttp calls.

    def on_message_begin(self) -> None:
        if self.complete:
            self._note_surplus()

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.has_head:
            return
        key, text = _lower(name), value.decode("utf-8", "replace")
        self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    def on_headers_complete(self) -> None:
        llhttp = self._llhttp
        if self.complete or llhttp is None:
            return
        status = llhttp.get_status_code()
        if status < _FIRST_FINAL_STATUS:
            if status < _FIRST_STATUS:
                raise NotHttp(f"status {status}")
            return
        self.status = status
        # Asking for the version as text takes longer than everything else here.
        version = "1.1" if self._is_1_1 else llhttp.get_http_version()
        if version not in {"1.1", "1.0"}:
            raise NotHttp(f"HTTP/{version}")
        self.has_head = True
        self.keeps_alive = llhttp.should_keep_alive()
        coding = self.headers.get("transfer-encoding")
        if coding is None:
            length = self.headers.get("content-length")
            self._left = None if length is None else int(length)
            self._ends_with_connection = length is None
            if length is None and self._bodyless:
                # llhttp does not know that there is no body to wait for.
                self.keeps_alive = version == "1.1" and "close" not in self.headers.get("connection", "").lower()
        elif coding.lower() != "chunked":
            raise NotHttp(f"its body is encoded as {coding!r}, which nobody asked for")
        elif version == "1.0":
            # A proxy in between may not have understood it (RFC 9112, 6.1).
            self.keeps_alive = False
        if self._bodyless:
            self.complete = True

    def on_chunk_header(self) -> None:
        if self.complete:
            self._note_surplus()

    def on_body(self, data: bytes) -> None:
        if self.complete:
            self._note_surplus()
            return
        self._since_body = 0
        if self._left is not None:
            self._left -= len(data)
        if self._dropped is not None:
            self._dropped += len(data)
            return
        self._chunks.append(data)
        self.held += len(data)

    def on_message_complete(self) -> None:
        if self.has_head:
            self.complete = True
        else:
            # An interim response (RFC 9110, 15.2): the final one follows.
            self.headers.clear()
            self._is_1_1 = False


def _not_http(error: Exception) -> NotHttp:
    """What is wrong: in our words where a callback raised, else in llhttp's."""
    cause = error.__context__ if isinstance(error, HttpParserCallbackError) else None
    return cause if isinstance(cause, NotHttp) else NotHttp(str(error))
