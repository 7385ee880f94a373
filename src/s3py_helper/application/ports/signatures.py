"""The port to what is known of signatures of files."""

from typing import Protocol

from s3py_helper.domain.signature import Signature


class Signatures(Protocol):
    """Knows many signatures of files."""

    def of(self, first_bytes: bytes) -> list[Signature]:
        """The signatures of these bytes, of every type that may be meant, in any order; none where none is known."""
        ...
