"""Names of files as the table writes them: `{file}`, and what becomes of it in `{file:encoded}` and the like."""

import base64
import re
import struct
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Final, Self, override
from zlib import crc32

_FACTS: Final = struct.Struct("!4sIQI")
_FACTS_AT: Final = slice(10, 37)
_SOURCE: Final = bytes([127, 0, 5, 3])
_APPENDER: Final = 1 << 58
_NOISE: Final = 1 << 63 | 0x2B << 32


class Name(str):
    """The name of a file on its group, and the time that its `Last-Modified` tells."""

    __slots__ = ("modified",)

    modified: datetime

    @classmethod
    def of(cls, text: str, modified: datetime) -> Self:
        name = cls(text)
        name.modified = modified
        return name

    @override
    def __format__(self, form: str) -> str:
        if form.startswith("date"):
            return self._date(form.removeprefix("date"))
        if form.startswith("cut"):
            return self[: -int(form.removeprefix("cut"))]
        return getattr(self, f"_{form}")() if form else str(self)

    def _date(self, form: str) -> str:
        match form:
            case "_rfc850":
                return self.modified.strftime("%A, %d-%b-%y %H:%M:%S GMT")
            case "_asctime":
                return f"{self.modified:%a %b} {self.modified.day:2} {self.modified:%H:%M:%S %Y}"
            case _:
                return format_datetime(self.modified + timedelta(seconds=int(form or 0)), usegmt=True)

    def _name(self) -> str:
        return self.rpartition("/")[2]

    def _upper(self) -> str:
        return self.upper()

    def _encoded(self) -> str:
        return "".join(character if character == "/" else f"%{ord(character):02X}" for character in self)

    def _encoded_slashes(self) -> str:
        return self.replace("/", "%2F")

    def _slashes(self) -> str:
        return self.replace("/", "//")

    def _behind_store_path(self) -> str:
        return self[3:]

    def _as_png(self) -> str:
        return self.rpartition(".")[0] + ".png"

    def _as_JPG(self) -> str:  # noqa: N802 - as the table writes it
        return self.rpartition(".")[0] + ".JPG"

    def _as_slave(self) -> str:
        return self.replace(".", "_9x9.")

    def _other_digits(self) -> str:
        return re.sub(r"\d{3}\.", lambda digits: f"{(int(digits[0][:-1]) + 1) % 1000:03}.", self)

    def _other_crc(self) -> str:
        source, created, size, crc = self._facts
        return self._with(source, created, size, crc ^ 1)

    def _other_size(self) -> str:
        source, created, size, crc = self._facts
        return self._with(source, created, size + 1, crc)

    def _forged(self) -> str:
        _, _, size, crc = self._facts
        return self._with(bytes([127, 9, 9, 9]), int(datetime.now(UTC).timestamp()), size, crc)

    def _forged_loopback(self) -> str:
        _, _, size, crc = self._facts
        return self._with(bytes([127, 0, 0, 1]), int(datetime.now(UTC).timestamp()), size, crc)

    def _not_base64(self) -> str:
        return f"{self[:10]}*{self[11:]}"

    def _not_base64_at_the_end(self) -> str:
        return f"{self[:36]}.{self[37:]}"

    @property
    def _facts(self) -> tuple[bytes, int, int, int]:
        source, created, size, crc = _FACTS.unpack(base64.b64decode(self[_FACTS_AT] + "=", altchars=b"-_"))
        return source, created, size, crc

    def _with(self, source: bytes, created: int, size: int, crc: int) -> str:
        return self[:10] + _encoded_facts(source, created, size, crc) + self[37:]


def made_up(
    content: bytes, tail: str, *, created: datetime, appender: bool = False, store_path: str = "M00/00/00"
) -> Name:
    """As a server would name a file of this content, with the time of its creation."""
    size = _APPENDER | _NOISE if appender else _NOISE | len(content)
    facts = _encoded_facts(_SOURCE, int(created.timestamp()), size, crc32(content))
    return Name.of(f"{store_path}/{facts}{tail}", created)


def _encoded_facts(source: bytes, created: int, size: int, crc: int) -> str:
    return base64.b64encode(_FACTS.pack(source, created, size, crc), b"-_").decode().rstrip("=")
