"""Entity tags and lists of them (RFC 9110, 8.8.3)."""

import re
from typing import Final

# One element of a list with what ends it. Lists may have empty elements (RFC 9110, 5.6.1.2).
_ELEMENT: Final = re.compile(r'[ \t]*(?:((?:W/)?"[\x21\x23-\x7e\x80-\xff]*")[ \t]*)?(,|\Z)')


def parse_entity_tags(text: str) -> tuple[str, ...]:
    """The tags of a list, in order; none where the text is not a list of entity tags from its beginning to its end."""
    tags: list[str] = []
    at = 0
    while (element := _ELEMENT.match(text, at)) is not None:
        if element[1] is not None:
            tags.append(element[1])
        if not element[2]:
            return tuple(tags)
        at = element.end()
    return ()


def same_strongly(one: str, other: str) -> bool:
    """The comparison for requests that depend on every byte: weak tags are equal to nothing."""
    return one == other and not one.startswith("W/")


def same_weakly(one: str, other: str) -> bool:
    """The comparison for caches."""
    return one.removeprefix("W/") == other.removeprefix("W/")
