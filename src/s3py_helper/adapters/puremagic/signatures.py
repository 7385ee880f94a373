"""The table of puremagic, of some 1500 signatures (https://github.com/cdgriffith/puremagic).

Only its table is used: what it calls a deep scan opens files, and may take minutes (its issue 152).
"""

import puremagic

from s3py_helper.application.ports.signatures import Signatures
from s3py_helper.domain.signature import Signature


class PuremagicSignatures:
    """Signatures at fixed places; takes half a millisecond."""

    def of(self, first_bytes: bytes) -> list[Signature]:
        """See `Signatures.of`."""
        if not first_bytes:
            return []
        # A name would start the deep scan. Those with a negative offset belong to the end of a file.
        return [
            Signature(match.mime_type, match.extension.removeprefix(".").lower(), len(match.byte_match))
            for match in puremagic.magic_string(first_bytes)
            if match.offset >= 0
        ]


_: type[Signatures] = PuremagicSignatures
