"""A checksum of a whole file."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Checksum:
    """Algorithm and value, e.g. `crc32` and `3610a686`; written `crc32:3610a686`."""

    algorithm: str
    hex_digest: str

    @classmethod
    def crc32(cls, value: int) -> Self:
        """CRC-32 as in zip, gzip and FastDFS (ISO 3309)."""
        return cls("crc32", f"{value:08x}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str()` gives."""
        algorithm, _, hex_digest = text.partition(":")
        return cls(algorithm, hex_digest)

    @property
    def crc32_value(self) -> int | None:
        """The CRC-32 as a number, `None` for other algorithms."""
        return int(self.hex_digest, 16) if self.algorithm == "crc32" else None

    def __str__(self) -> str:
        """`algorithm:hex`."""
        return f"{self.algorithm}:{self.hex_digest}"
