"""The headers of one part of a form (RFC 7578, section 4)."""

from dataclasses import dataclass
from typing import Final

from s3py_helper.entrypoints.http.uploads.disposition import file_name_of, parse_disposition
from s3py_helper.entrypoints.http.uploads.form_errors import FormException

MAX_HEAD_BYTES: Final = 16 * 1024
"""How much may come before the content of one part."""

_PLAIN_ENCODINGS: Final = {"", "7bit", "8bit", "binary"}


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


class HeadLines:
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
        parameters = parse_disposition(lines.get("content-disposition", b""))
        if parameters is None or "name" not in parameters:
            raise FormException("a part of the form has no valid header 'Content-Disposition: form-data; name=...'")
        encoding = lines.get("content-transfer-encoding", b"").decode("latin-1").strip().lower()
        if encoding not in _PLAIN_ENCODINGS:
            raise FormException(f"a part of the form has the transfer encoding {encoding!r}: send it as it is")
        content_type = lines.get("content-type")
        return PartHead(
            field=_field(parameters),
            file_name=_file_name(parameters),
            content_type=None if content_type is None else content_type.decode("latin-1").strip(),
        )

    def _count(self, more: int) -> None:
        self._size += more
        if self._size > MAX_HEAD_BYTES:
            raise FormException(f"a part of the form has more than {MAX_HEAD_BYTES} bytes of headers")


def _field(parameters: dict[str, bytes]) -> str:
    try:
        return parameters["name"].decode()
    except UnicodeDecodeError:
        raise FormException(f"a field name in the form is not UTF-8: {parameters['name'][:80]!r}") from None


def _file_name(parameters: dict[str, bytes]) -> str | None:
    try:
        return file_name_of(parameters)
    except UnicodeDecodeError as error:
        raise FormException(f"a file name in the form is not UTF-8: {error.object[:80]!r}") from None
