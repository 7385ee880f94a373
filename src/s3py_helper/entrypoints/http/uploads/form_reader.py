"""Reading `multipart/form-data` (RFC 7578) while it arrives.

FastAPI's own forms are read to their end before an endpoint sees them, and kept in memory or in temporary files
meanwhile. Here a file's bytes go on as they come, and no more are taken from the network than are asked for.
"""

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from enum import Enum, auto
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from s3py_helper.entrypoints.http.uploads.form_errors import FormException
from s3py_helper.entrypoints.http.uploads.part_head import HeadLines, PartHead

MAX_PARTS: Final = 1000
MAX_UNUSED_BYTES: Final = 1024 * 1024
"""How many bytes may come in fields that nobody asked for, and after the form."""


class _Mark(Enum):
    END_OF_PART = auto()
    END_OF_FORM = auto()


class FormReader:
    """Parts of a form, one after another, each before the next.

    Raises, all methods alike:
        FormException: The form is malformed, cut short, or has more parts or unused bytes than allowed.
    """

    def __init__(self, content_type: str | None, body: AsyncIterator[bytes]) -> None:
        self._body = body
        self._events: deque[PartHead | bytes | _Mark] = deque()
        self._head = HeadLines()
        self._parts = 0
        self._unused = 0
        self._parser = self._make_parser(content_type)

    def _make_parser(self, content_type: str | None) -> MultipartParser:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data":
            raise FormException(f"expected a body of type multipart/form-data, got {content_type!r}")
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
        """The next part's head; what was not read of the part before is skipped.

        `None` at the end of the form, when all of the body has come.
        """
        while True:
            match await self._next_event():
                case PartHead() as head:
                    return head
                case _Mark.END_OF_FORM as end:
                    await self._pass_over_epilogue()
                    self._events.append(end)  # asking again gives the same result
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

    async def _pass_over_epilogue(self) -> None:
        """Read the body to its end: only then has the whole request come, and not been cut off (RFC 2046, 5.1.1)."""
        while chunk := await anext(self._body, b""):
            self._skip(len(chunk))

    def _skip(self, count: int) -> None:
        self._unused += count
        if self._unused > MAX_UNUSED_BYTES:
            raise FormException(f"the form has more than {MAX_UNUSED_BYTES} bytes besides its files")

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
