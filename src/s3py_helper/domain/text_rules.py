"""Which characters never belong into a name or an id."""

import unicodedata


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
