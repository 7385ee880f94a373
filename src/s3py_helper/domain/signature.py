"""Whether what a file begins with can be of the type that its name, or its sender, says.

What a signature cannot disprove counts as true: most types have none, and this is no virus scanner. Two rules catch the
disguises that matter: a few types always begin with their signature, and text has no binary bytes.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

_STRONG: Final = 4
"""Fewer bytes than these begin many a file by chance: `BM` is a picture, and a table of BMWs."""

_BINARY: Final = frozenset([*range(0x09), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)])
"""Bytes that no text has (WHATWG MIME Sniffing, "binary data byte"), whatever its encoding but UTF-16 and UTF-32."""
_WIDE: Final = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")

_TEXTS: Final = frozenset(
    f"application/{name}" for name in ("javascript", "json", "sh", "sql", "toml", "xml", "xml-dtd", "yaml")
)

_ZIP: Final = "application/zip"
_SIGNED: Final = {
    **{
        kind: kind
        for kind in (
            *("image/avif", "image/gif", "image/heic", "image/jpeg", "image/png", "image/webp", "audio/wav"),
            *("application/7z-compressed", "application/bzip2", "application/gzip", "application/pdf"),
            *("application/vnd.rar", "application/xz", _ZIP),
        )
    },
    "application/epub+zip": _ZIP,
    "application/vnd.android.package-archive": _ZIP,
    "audio/ogg": "application/ogg",
    "video/ogg": "application/ogg",
    "video/webm": "video/webm",
    "video/matroska": "video/webm",
}
"""Types whose files always begin with a signature, and whose signature that is.

Not here: JAR and PHAR (a script may come first), FLAC and MP3 (an ID3 tag may), TIFF, MP4 and QuickTime (many kinds).
"""
_ZIPPED: Final = ("application/vnd.oasis.opendocument.",)
_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
_OFFICE_FILES: Final = frozenset({_ZIP, "application/msword"})
"""With a password, they are not zip archives but compound files, as those of older versions."""

_SOUND_OR_FILM: Final = frozenset(
    f"application/{name}" for name in ("matroska", "mp4", "mxf", "ogg", "shockwave-flash", "vnd.ms-asf")
)


@dataclass(frozen=True, slots=True)
class Signature:
    """A type whose files begin as this one does.

    Attributes:
        media_type: The type; empty where it has no name.
        extension: How such files end, without the dot and in lower case; empty where nothing is usual.
        length: How many bytes say so.
    """

    media_type: str
    extension: str
    length: int


def told_by(signatures: Collection[Signature]) -> str | None:
    """The one type that the longest signatures agree on."""
    longest = max((signature.length for signature in signatures if signature.media_type), default=0)
    types = {signature.media_type for signature in signatures if signature.length == longest and signature.media_type}
    return types.pop() if len(types) == 1 and longest >= _STRONG else None


def contradiction(
    media_type: str, extension: str | None, first_bytes: bytes, signatures: Sequence[Signature]
) -> str | None:
    """What the content is, where it cannot be of that type; else `None`.

    Args:
        media_type: The type that is said.
        extension: The extension that says so; `None` where it was said otherwise.
        first_bytes: How the file begins; nothing is said about an empty file.
        signatures: What is known of these bytes.
    """
    said = _plain(media_type)
    found = {_plain(signature.media_type) for signature in signatures if signature.media_type}
    if not first_bytes or said in found or _is_usual(extension, signatures):
        return None
    if _is_text(said):
        return _shown(signatures, "binary data") if _is_binary(first_bytes) else None
    if (required := _required(said)) is not None:
        return None if required & found else _shown(signatures, "something else")
    strong = [signature for signature in signatures if signature.length >= _STRONG and signature.media_type]
    kinds = {_kind(_plain(signature.media_type)) for signature in strong}
    named = _kind(said)
    if named == "application" or not kinds or named in kinds:
        return None
    return _shown(strong, "something else")


def _is_usual(extension: str | None, signatures: Collection[Signature]) -> bool:
    return bool(extension) and any(signature.extension == extension for signature in signatures)


def _required(said: str) -> frozenset[str] | None:
    if said.startswith(_OFFICE):
        return _OFFICE_FILES
    if said.startswith(_ZIPPED):
        return frozenset({_ZIP})
    return frozenset({_SIGNED[said]}) if said in _SIGNED else None


def _is_text(said: str) -> bool:
    return said.startswith("text/") or said in _TEXTS or said.endswith(("+xml", "+json"))


def _is_binary(first_bytes: bytes) -> bool:
    return not first_bytes.startswith(_WIDE) and not _BINARY.isdisjoint(first_bytes)


def _kind(plain: str) -> str:
    """What people would call both when they mix them up: sound and film are in the same containers."""
    front = plain.partition("/")[0]
    return "recording" if front in {"audio", "video"} or plain in _SOUND_OR_FILM else front


def _plain(media_type: str) -> str:
    """The type without parameters, and without the `x-` that some write and others do not."""
    return media_type.partition(";")[0].strip().lower().replace("/x-", "/", 1)


def _shown(signatures: Collection[Signature], otherwise: str) -> str:
    return told_by(signatures) or otherwise
