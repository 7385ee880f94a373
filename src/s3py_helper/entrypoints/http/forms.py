"""Reading `multipart/form-data` (RFC 7578) while it arrives.

FastAPI's own forms are read to their end before an endpoint sees them, and kept in memory or in temporary files
meanwhile. Here a file's bytes go on as they come, and no more are taken from the network than are asked for.
"""

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from s3py_helper.domain.errors import InvalidArgumentException

MAX_PARTS: Final = 1000
MAX_HEAD_BYTES: Final = 16 * 1024
"""How much may come before the content of one part."""

MAX_UNUSED_BYTES: Final = 1024 * 1024
"""How much may come in fields that nobody asked for."""

_PLAIN_ENCODINGS: Final = {"", "7bit", "8bit", "binary"}


class FormException(InvalidArgumentException):
    """The body of a request is not the form that it should be."""

    def __init__(self, message: str) -> None:
        super().__init__(message, operation="upload")


class FormTimedOutException(FormException):
    """The client has sent nothing for too long."""


@dataclass(frozen=True, slots=True)
class PartHead:
    """What comes before the content of a part.

    Attributes:
        field: Name of the form field.
        file_name: The client's name for the file; `None` when the part is none.
        content_type: The media type that the client claims.
    """

    field: str
    file_name: str | None
    content_type: str | None


class _Mark(Enum):
    END_OF_PART = auto()
    END_OF_FORM = auto()


class _HeadLines:
    """Collects the header lines of one part from the pieces in which they come."""

    def __init__(self) -> None:
        self._lines: dict[str, bytes] = {}
        self._name = b""
        self._value = b""
        self._size = 0

    def on_name(self, data: bytes, start: int, stop: int) -> None:
        self._count(stop - start)
        self._name += data[start:stop]

    def on_value(self, data: bytes, start: int, stop: int) -> None:
        self._count(stop - start)
        self._value += data[start:stop]

    def on_line_end(self) -> None:
        self._count(len(b": \r\n"))
        self._lines[self._name.decode("ascii").lower()] = self._value
        self._name = self._value = b""

    def finish(self) -> PartHead:
        """The head, and room for the next one."""
        lines, self._lines, self._size = self._lines, {}, 0
        kind, options = parse_options_header(lines.get("content-disposition", b""))
        if kind != b"form-data" or b"name" not in options:
            raise FormException("a part of the form has no header 'Content-Disposition: form-data; name=...'")
        encoding = _text(lines.get("content-transfer-encoding", b""), "header").strip().lower()
        if encoding not in _PLAIN_ENCODINGS:
            raise FormException(f"a part of the form has the transfer encoding {encoding!r}: send it as it is")
        file_name = options.get(b"filename")
        content_type = lines.get("content-type")
        return PartHead(
            field=_text(options[b"name"], "field name"),
            # Browsers, curl and others write a quotation mark so (WHATWG HTML, 4.10.21.8).
            file_name=None if file_name is None else _text(file_name, "file name").replace("%22", '"'),
            content_type=None if content_type is None else content_type.decode("latin-1").strip(),
        )

    def _count(self, more: int) -> None:
        self._size += more
        if self._size > MAX_HEAD_BYTES:
            raise FormException(f"a part of the form has more than {MAX_HEAD_BYTES} bytes of headers")


def _text(raw: bytes, what: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise FormException(f"a {what} in the form is not UTF-8: {raw[:80]!r}") from None


class FormReader:
    """Parts of a form, one after another, each before the next.

    Raises, all methods alike:
        FormException: The form is malformed, cut short, or has more parts or unused bytes than allowed.
    """

    def __init__(self, content_type: str | None, body: AsyncIterator[bytes]) -> None:
        self._body = body
        self._events: deque[PartHead | bytes | _Mark] = deque()
        self._head = _HeadLines()
        self._parts = 0
        self._unused = 0
        self._parser = self._make_parser(content_type)

    def _make_parser(self, content_type: str | None) -> MultipartParser:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data":
            raise FormException(f"expected a body of type multipart/form-data, got {content_type or 'no type'!r}")
        if not options.get(b"boundary"):
            raise FormException("the Content-Type multipart/form-data names no boundary")
        try:
            return MultipartParser(
                options[b"boundary"],
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_field": self._head.on_name,
                    "on_header_value": self._head.on_value,
                    "on_header_end": self._head.on_line_end,
                    "on_headers_finished": lambda: self._events.append(self._head.finish()),
                    "on_part_data": lambda data, start, stop: self._events.append(data[start:stop]),
                    "on_part_end": lambda: self._events.append(_Mark.END_OF_PART),
                    "on_end": lambda: self._events.append(_Mark.END_OF_FORM),
                },
            )
        except FormParserError as error:
            raise FormException(f"invalid form: {error}") from None

    def _on_part_begin(self) -> None:
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise FormException(f"the form has more than the {MAX_PARTS} parts allowed")

    async def next_part(self) -> PartHead | None:
        """The next part's head; what was not read of the part before is skipped. `None` at the end of the form."""
        while True:
            match await self._next_event():
                case PartHead() as head:
                    return head
                case _Mark.END_OF_FORM as end:
                    self._events.append(end)  # asking again gives the same answer
                    return None
                case bytes(data):
                    self._skip(len(data))
                case _:
                    pass

    async def content(self) -> AsyncGenerator[bytes]:
        """The bytes of the part whose head came last."""
        while not isinstance(event := await self._next_event(), _Mark):
            assert isinstance(event, bytes)  # noqa: S101 - a head cannot come before the end of the part
            yield event

    def _skip(self, count: int) -> None:
        self._unused += count
        if self._unused > MAX_UNUSED_BYTES:
            raise FormException(f"the form has more than {MAX_UNUSED_BYTES} bytes in fields that are not used here")

    async def _next_event(self) -> PartHead | bytes | _Mark:
        while not self._events:
            chunk = await anext(self._body, b"")
            if not chunk:
                raise FormException("the form ends before its closing boundary")
            try:
                self._parser.write(chunk)
            except FormParserError as error:
                raise FormException(f"invalid form: {error}") from None
        return self._events.popleft()
