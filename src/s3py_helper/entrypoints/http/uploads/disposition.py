"""The header `Content-Disposition` of a form's part (RFC 7578, 4.2) or of a file, as clients really write it."""

import binascii
import codecs
import re
from typing import Final
from urllib.parse import unquote_to_bytes

_TOKEN: Final = rb"[\w!#$%&'*+.^`|~-]+"
_KIND: Final = re.compile(rb"[ \t]*(" + _TOKEN + rb")[ \t]*")
_PARAMETER: Final = re.compile(
    rb";[ \t]*(" + _TOKEN + rb')[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^;"]*))[ \t]*', re.DOTALL
)
_END: Final = re.compile(rb"[;\s]*\Z")

# RFC 2047, section 2; what is between two of them is not part of the text.
_ENCODED_WORD: Final = re.compile(r"=\?([\w-]+)(?:\*[\w-]+)?\?([bq])\?([^?\s]*)\?=\s*", re.ASCII | re.IGNORECASE)
_EXTENDED: Final = re.compile(r"([\w-]+)'[\w-]*'([\w!#$&+.^`|~%-]*)", re.ASCII)

# Some codecs do other things than decode text, or are slow; these are the charsets that file names come in.
_CHARSETS: Final = ("utf-8", "ascii", "iso8859", "cp125", "gb", "big5", "shift_jis", "euc", "koi8", "iso2022")


def parse_disposition(header: bytes, wanted: bytes | None = b"form-data") -> dict[str, bytes] | None:
    """The parameters of `form-data`, or of another type that is wanted (`None` for any), names in lower case.

    `None` where the header is anything else, is malformed, or has a parameter twice: whoever looked at one of them, to
    decide whether the file may pass, would see another name than that which is stored.
    """
    kind = _KIND.match(header)
    if kind is None or wanted not in {None, kind[1].lower()}:
        return None
    parameters: dict[str, bytes] = {}
    at = kind.end()
    while parameter := _PARAMETER.match(header, at):
        name = parameter[1].decode("ascii").lower()
        if name in parameters:
            return None
        # Only these two: Internet Explorer sends paths with backslashes as they are.
        quoted: bytes | None = parameter[2]
        parameters[name] = parameter[3].strip() if quoted is None else re.sub(rb'\\(["\\])', rb"\1", quoted)
        at = parameter.end()
    return parameters if _END.match(header, at) else None


def file_name_of(parameters: dict[str, bytes]) -> str | None:
    """The file's name; `None` where the part is not a file.

    Forms should have it in `filename` alone, in UTF-8. Libraries made for mail write it as encoded words (RFC 2047), or
    in `filename*` (RFC 8187), which goes first where it can be read (RFC 6266, 4.3).

    Raises:
        UnicodeDecodeError: It is not UTF-8.
    """
    if (extended := parameters.get("filename*")) is not None and (name := _decoded_extended(extended)) is not None:
        return _without_folders(name)
    if (plain := parameters.get("filename")) is None:
        return None
    # Browsers, curl and others write a quotation mark so (WHATWG HTML, 4.10.21.8).
    return _without_folders(_decoded_words(plain.decode()).replace("%22", '"'))


def _without_folders(name: str) -> str:
    """Internet Explorer sends the whole path; no other client's name begins like one of Windows."""
    return name.rpartition("\\")[2] if name[1:3] == ":\\" or name.startswith("\\\\") else name


def _decoded_extended(value: bytes) -> str | None:
    match = _EXTENDED.fullmatch(value.decode("latin-1"))
    return None if match is None else _decoded(unquote_to_bytes(match[2]), match[1])


def _decoded_words(text: str) -> str:
    """The text that encoded words stand for; text that is not made of them, or cannot be decoded, as it is."""
    if not text.startswith("=?"):
        return text
    words: list[str] = []
    at = 0
    while at < len(text):
        if (match := _ENCODED_WORD.match(text, at)) is None:
            return text
        word = _decoded_word(*match.groups())
        if word is None:
            return text
        words.append(word)
        at = match.end()
    return "".join(words)


def _decoded_word(charset: str, encoding: str, data: str) -> str | None:
    try:
        raw = binascii.a2b_base64(data, strict_mode=True) if encoding in "Bb" else binascii.a2b_qp(data, header=True)
    except ValueError:
        return None
    return _decoded(raw, charset)


def _decoded(raw: bytes, charset: str) -> str | None:
    try:
        name = codecs.lookup(charset).name
        return raw.decode(name) if name.startswith(_CHARSETS) else None
    except (LookupError, UnicodeDecodeError):
        return None
