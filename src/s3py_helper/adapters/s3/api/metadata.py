"""Text in any script inside HTTP headers, which are ASCII.

The original file name travels percent-encoded under the key that s3py-helper has always used. A pair that is plain
ASCII travels as it is, readable to every tool. Any other value is written as RFC 8187, 3.2.1 does (`UTF-8''%D0%98`);
any other name with `.d0` for a byte, because some servers drop names with characters that are no letter, digit, `.`,
`-` or `_`. Plain text that looks encoded is encoded as well, so reading is never a guess.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote, unquote

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.file_id import Backend

PREFIX: Final = "x-amz-meta-"
FILE_NAME_KEY: Final = "--real-file-name--"

MAX_BYTES: Final = 2048
"""All names and values together (Amazon S3 User Guide, "Working with object metadata")."""

_VALUE_MARK: Final = "UTF-8''"
_NAME_MARK: Final = "utf-8--"

_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
# Blanks at the ends or in a row do not survive a header.
_PLAIN_VALUE: Final = re.compile(r"[!-~]+( [!-~]+)*")
_BYTE: Final = re.compile(rb"[^a-z0-9_-]")
_ENCODED_BYTE: Final = re.compile(rb"\.([0-9a-f]{2})")


def to_headers(file_name: str, metadata: Mapping[str, str]) -> dict[str, str]:
    """The headers that carry both.

    Raises:
        InvalidArgumentException: They exceed what S3 stores, or two names differ in nothing but case.
    """
    pairs = {FILE_NAME_KEY: quote(file_name, safe="")}
    for name, value in metadata.items():
        key = _encoded_name(name)
        if key in pairs:
            raise _invalid(f"the metadata name {name!r} is taken: S3 does not tell upper from lower case")
        pairs[key] = _encoded_value(value)
    if (size := sum(len(key) + len(value) for key, value in pairs.items())) > MAX_BYTES:
        raise _invalid(f"metadata and file name take {size} bytes as they are stored, S3 allows {MAX_BYTES}")
    return {PREFIX + key: value for key, value in pairs.items()}


def metadata_of(headers: Mapping[str, str]) -> dict[str, str]:
    """What of the headers is metadata, in the SDK's terms: still encoded, but without the prefix."""
    return {name.removeprefix(PREFIX): text for name, text in headers.items() if name.startswith(PREFIX)}


def from_headers(headers: Mapping[str, str]) -> tuple[str | None, dict[str, str]]:
    """File name and metadata from a response's headers, their names in lower case."""
    file_name, metadata = None, {}
    for header, value in headers.items():
        if not header.startswith(PREFIX):
            continue
        key = header.removeprefix(PREFIX)
        if key == FILE_NAME_KEY:
            file_name = unquote(value)
        else:
            metadata[_decoded_name(key)] = _decoded_value(value)
    return file_name, metadata


def _encoded_name(name: str) -> str:
    if _PLAIN_NAME.fullmatch(name) and not name.lower().startswith(_NAME_MARK):
        return name.lower()
    # Capital letters are among the bytes that are encoded: S3 would turn them into small ones.
    return _NAME_MARK + _BYTE.sub(lambda byte: b".%02x" % byte[0][0], name.encode()).decode()


def _decoded_name(key: str) -> str:
    if not key.startswith(_NAME_MARK):
        return key
    text = _ENCODED_BYTE.sub(lambda code: bytes.fromhex(code[1].decode()), key.removeprefix(_NAME_MARK).encode())
    return text.decode(errors="replace")


def _encoded_value(value: str) -> str:
    if _PLAIN_VALUE.fullmatch(value) and not _is_marked(value):
        return value
    return _VALUE_MARK + quote(value, safe="")


def _decoded_value(text: str) -> str:
    return unquote(text[len(_VALUE_MARK) :]) if _is_marked(text) else text


def _is_marked(value: str) -> bool:
    return value[: len(_VALUE_MARK)].upper() == _VALUE_MARK


def _invalid(message: str) -> InvalidArgumentException:
    return InvalidArgumentException(message, operation="upload", backend=Backend.S3)
