"""Fields of fixed length, padded with NUL, in replies."""

from functools import lru_cache
from ipaddress import ip_address


def text_in(field: bytes) -> str:
    """The text before the first NUL; raises `ValueError` where that is not printable ASCII."""
    text = field.partition(b"\0")[0].decode("ascii")
    if not text.isprintable():
        raise ValueError(f"{field!r} is no text")
    return text


@lru_cache(maxsize=256)
def host_in(field: bytes) -> str:
    """The IP address in a field; raises `ValueError` for anything else.

    Servers send no host names. Accepting one would make this client look up whatever a garbled reply contains.
    """
    text = text_in(field)
    ip_address(text)
    return text
