"""The header `Content-Range` (RFC 9110, 14.4)."""

import re
from typing import Final

from s3py_helper.domain.byte_range import Span
from s3py_helper.domain.errors import StorageOperationException
from s3py_helper.domain.file_id import Backend

_RANGE: Final = re.compile(r"bytes (\d{1,20})-(\d{1,20})/(\d{1,20})", re.ASCII)


def parse_content_range(header: str) -> tuple[Span, int]:
    """The bytes that a response holds, and the size of the whole.

    Raises:
        StorageOperationException: The header says something else, or nothing.
    """
    match = _RANGE.fullmatch(header)
    if match is None:
        raise StorageOperationException(f"the server responds with the range {header!r}", backend=Backend.S3)
    first, last, size = map(int, match.groups())
    return Span(first, last + 1), size
