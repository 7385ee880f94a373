"""Which characters never belong into a name or an id."""

import unicodedata

from s3py_helper.domain.errors import InvalidArgumentException


def forbidden_character(text: str) -> str | None:
    """Describe the first character that no name may contain, or `None` when all are fine.

    Control characters (Unicode category Cc, NUL among them) break protocols and terminals; lone surrogates (Cs)
    cannot be encoded as UTF-8.
    """
    if text.isprintable():
        # Almost every name: neither category is printable, and this asks for no character by itself.
        return None
    for position, character in enumerate(text):
        category = unicodedata.category(character)
        if category == "Cc":
            name = "a NUL" if character == "\0" else f"the control character U+{ord(character):04X}"
            return f"{name} at position {position}"
        if category == "Cs":
            return f"the lone surrogate U+{ord(character):04X} at position {position}"
    return None


def utf8_length(text: str) -> int:
    """Length in bytes of UTF-8; lone surrogates count, so that the rule that refuses them can be a later one."""
    return len(text.encode("utf-8", "surrogatepass"))


def shortened(value: object, limit: int = 120) -> str:
    """A value as messages quote it: escaped, and cut where it is long."""
    text = value if isinstance(value, str) else repr(value)
    return repr(text if len(text) <= limit else f"{text[:limit]}…")


def require_text(value: object, what: str) -> str:
    """The value, which callers without a type checker may have got wrong.

    Raises:
        InvalidArgumentException: It is no text; `what` says what it should have been.
    """
    if not isinstance(value, str):
        raise InvalidArgumentException(f"{what} is text, got {type(value).__name__}: {shortened(value)}")
    return value
