"""The port behind which what files begin with is known."""

from typing import Protocol

from s3py_helper.domain.signature import Signature


class Signatures(Protocol):
    """Knows many signatures of files."""

    def of(self, first_bytes: bytes) -> list[Signature]:
        """Those that these bytes have: of every type that may be meant, in any order; none where none is known."""
        ...
