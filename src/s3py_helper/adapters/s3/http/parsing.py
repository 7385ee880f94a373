"""One answer, read from bytes as they come. No I/O."""

from collections import deque
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from s3py_helper.adapters.s3.http.faults import BrokenOff, Disconnected, NotHttp

LARGEST_HEAD: Final = 64 * 1024
"""Bytes of headers that are believed to be an answer's; S3's own are a tenth of that."""

_FIRST_FINAL_STATUS: Final = 200


class ResponseParser:
    """Feed it what the connection gives; llhttp takes the head apart, and chunked bodies.

    A body whose length the head tells is passed on as it came: neither parsed nor copied.

    Args:
        bodyless: The answer has no body whatever its headers say, as with HEAD and CONNECT.

    Attributes:
        status: Status code.
        headers: By name in lower case; those that come several times are joined as RFC 9110, 5.3 says.
        has_begun: Whether anything has come.
        has_head: Whether status and headers are complete.
        complete: Whether everything has come.
        keeps_alive: Whether the connection may carry another exchange after this one.
        chunks: Bytes of the body that wait to be taken; whoever takes them lowers `held`.
        held: How many bytes these are.
    """

    def __init__(self, *, bodyless: bool = False) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.has_begun = False
        self.has_head = False
        self.complete = False
        self.keeps_alive = False
        self.chunks: deque[bytes] = deque()
        self.held = 0
        self._bodyless = bodyless
        self._head_size = 0
        self._ends_with_connection = False
        self._left: int | None = None
        self._llhttp = HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            NotHttp: They are not what an answer looks like.
        """
        if self.complete:
            # Nobody asked for these.
            self.keeps_alive = False
        elif self.has_head and self._left is not None:
            self._pass_on(data, self._left)
        else:
            self._parse(data)

    def feed_end(self) -> None:
        """The connection has been closed.

        Raises:
            Disconnected: Not even the beginning of an answer had come.
            BrokenOff: The answer is not complete.
        """
        self.keeps_alive = False
        if self.complete:
            return
        if not self.has_begun:
            raise Disconnected
        if not self._ends_with_connection:
            raise BrokenOff
        self.complete = True

    def _pass_on(self, data: bytes, left: int) -> None:
        surplus = len(data) - left
        if surplus > 0:
            self.keeps_alive = False
            data = data[:left]
        self.on_body(data)
        self.complete = surplus >= 0

    def _parse(self, data: bytes) -> None:
        self.has_begun = True
        if not self.has_head:
            self._head_size += len(data)
        try:
            self._llhttp.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            # After a complete answer it is what follows that cannot be read.
            if not self.complete:
                raise NotHttp from error
            self.keeps_alive = False
        if not self.has_head and self._head_size > LARGEST_HEAD:
            raise NotHttp
        if self.complete or self._left is not None:
            # It has done its part, and it and this object refer to each other: work for the garbage collector.
            del self._llhttp

    # What llhttp calls.

    def on_message_begin(self) -> None:
        if self.complete:
            self.keeps_alive = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.complete:
            return
        key, text = name.decode("latin-1").lower(), value.decode(errors="replace")
        self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text

    def on_headers_complete(self) -> None:
        if self.complete:
            return
        self.status = self._llhttp.get_status_code()
        if self.status < _FIRST_FINAL_STATUS:
            return
        self.has_head = True
        self.keeps_alive = self._llhttp.should_keep_alive()
        if self._bodyless:
            self.complete = True
        elif "transfer-encoding" not in self.headers:
            length = self.headers.get("content-length")
            self._left = None if length is None else int(length)
            self._ends_with_connection = length is None

    def on_body(self, data: bytes) -> None:
        if self.complete:
            return
        self.chunks.append(data)
        self.held += len(data)
        if self._left is not None:
            self._left -= len(data)

    def on_message_complete(self) -> None:
        if self.has_head:
            self.complete = True
        else:
            # An interim answer (RFC 9110, 15.2): the final one follows.
            self.headers.clear()
