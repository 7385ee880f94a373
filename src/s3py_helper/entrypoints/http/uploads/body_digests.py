"""Digests that a client sends with a body, compared with what comes (RFC 9530; RFC 1864 for `Content-MD5`)."""

import binascii
import hashlib
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Final, Protocol

from isal import isal_zlib
from starlette.datastructures import Headers

from s3py_helper.domain.errors import InvalidArgumentException

# A dictionary of byte sequences (RFC 9651, 3.2 and 3.3.5); parameters mean nothing here.
_MEMBER: Final = re.compile(r"[ \t]*([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/=]*):(?:;[^,]*)?[ \t]*")


class DigestMismatchException(InvalidArgumentException):
    """The bytes that came are not those that the client meant to send; nothing was stored."""


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc32:
    """CRC-32 (ISO 3309): not in the registry of RFC 9530, but what `Repr-Digest` of downloads has."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = isal_zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4)


# The older ones are broken by design, and still find what a bad line does.
_ALGORITHMS: Final[Mapping[str, Callable[[], _Hash]]] = {
    "sha-256": hashlib.sha256,
    "sha-512": hashlib.sha512,
    "sha": lambda: hashlib.sha1(usedforsecurity=False),
    "md5": lambda: hashlib.md5(usedforsecurity=False),
    "crc32": _Crc32,
}


class BodyDigests:
    """What one body must come to.

    Raises:
        InvalidArgumentException: A header is malformed; the message names it.
    """

    def __init__(self, headers: Headers) -> None:
        self._expected: list[tuple[str, str, bytes]] = []
        if (md5 := headers.get("content-md5")) is not None:
            self._expected.append(("Content-MD5", "md5", _decoded("Content-MD5", md5.strip())))
        for name in ("Content-Digest", "Repr-Digest"):
            if values := headers.getlist(name):
                self._expected += _members(name, ", ".join(values))

    async def checked(self, body: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
        """The body; at its end raises `DigestMismatchException` where it is another one."""
        hashes = {algorithm: _ALGORITHMS[algorithm]() for _, algorithm, _ in self._expected}
        async with aclosing(body):
            async for chunk in body:
                for taken in hashes.values():
                    taken.update(chunk)
                yield chunk
        for header, algorithm, expected in self._expected:
            if hashes[algorithm].digest() != expected:
                raise DigestMismatchException(
                    f"the body is not the one that {header} was made of ({algorithm})", operation="upload"
                )


def _members(header: str, value: str) -> list[tuple[str, str, bytes]]:
    found: list[tuple[str, str, bytes]] = []
    for element in value.split(","):
        if (member := _MEMBER.fullmatch(element)) is None:
            raise InvalidArgumentException(f"the header {header} is no list of digests as in 'sha-256=:...:'")
        # One that is not known is to be ignored (RFC 9530, section 2).
        if member[1] in _ALGORITHMS:
            found.append((header, member[1], _decoded(header, member[2])))
    return found


def _decoded(header: str, text: str) -> bytes:
    try:
        return binascii.a2b_base64(text.encode("latin-1"), strict_mode=True)
    except binascii.Error:
        raise InvalidArgumentException(f"the digest in the header {header} is not base64") from None
