"""Digests in responses, for clients that ask for them (RFC 9530)."""

import binascii
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Final

from s3py_helper.domain.checksum import Checksum

_ALGORITHMS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "sha-256": lambda content: hashlib.sha256(content).digest(),
    "sha-512": lambda content: hashlib.sha512(content).digest(),
}
"""What is computed for bytes that are in memory: the two that the RFC recommends."""

# A dictionary of integers from 0 to 10 (RFC 9651, 3.2; RFC 9530, section 4). Parameters mean nothing here.
_MEMBER: Final = re.compile(r"[ \t]*([a-z*][a-z0-9_.*-]*)(?:=(\d{1,2}))?(?:;[^,]*)?[ \t]*")
_HIGHEST: Final = 10


def digest_headers(
    headers: Mapping[str, str], checksum: str | None, content: bytes | None, *, whole: bool
) -> dict[str, str]:
    """`Repr-Digest` of the file and `Content-Digest` of what is sent, as far as wanted and to be had.

    Args:
        headers: Those of the request.
        checksum: The file's, `algorithm:hex`, where it is known.
        content: What is sent, where it is in memory; nothing is computed otherwise.
        whole: Whether that is the whole file.
    """
    wanted = {
        "Content-Digest": ({}, content),
        "Repr-Digest": ({} if checksum is None else _known(checksum), content if whole else None),
    }
    found: dict[str, str] = {}
    for name, (known, hashed) in wanted.items():
        if (asked := headers.get(f"want-{name.lower()}")) is None:
            continue
        if (member := _best(_preferences(asked), known, hashed)) is not None:
            found[name] = member
    return found


def _known(checksum: str) -> dict[str, bytes]:
    # Servers may have checksums of other algorithms; clients that ask for one by its name know it.
    parsed = Checksum.parse(checksum)
    try:
        return {parsed.algorithm: bytes.fromhex(parsed.hex_digest)}
    except ValueError:
        return {}


def _preferences(asked: str) -> list[str]:
    """Algorithms that the client takes, best first; a value that is malformed is ignored as a whole."""
    weights: dict[str, int] = {}
    for element in asked.split(","):
        member = _MEMBER.fullmatch(element)
        if member is None or member[2] is None or int(member[2]) > _HIGHEST:
            return []
        weights[member[1]] = int(member[2])
    return sorted((name for name, weight in weights.items() if weight), key=lambda name: -weights[name])


def _best(preferences: list[str], known: Mapping[str, bytes], content: bytes | None) -> str | None:
    for algorithm in preferences:
        if algorithm in known:
            return _member(algorithm, known[algorithm])
        if content is not None and algorithm in _ALGORITHMS:
            return _member(algorithm, _ALGORITHMS[algorithm](content))
    return None


def _member(algorithm: str, digest: bytes) -> str:
    return f"{algorithm}=:{binascii.b2a_base64(digest, newline=False).decode()}:"
