"""The rows of `requests.toml`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final

from tests.integration.service.table.asking import Answer

_TABLE: Final[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "requests.toml").read_text(encoding="utf-8"))


def content_of(size: int) -> bytes:
    """Bytes of which each part tells where it comes from."""
    return b"".join(b"%07d " % at for at in range(0, size + 8, 8))[:size]


FILES: Final[Mapping[str, bytes]] = {"ten": content_of(10_000), "big": content_of(300_000), "empty": b""}
GONE: Final = "gone"


@dataclass(frozen=True)
class Known:
    """What a server says of a file: its validators."""

    etag: str
    modified: str

    def filled(self, headers: str) -> list[str]:
        """The headers of a row for this file."""
        moment = parsedate_to_datetime(self.modified) if self.modified else datetime(2000, 1, 1, tzinfo=UTC)
        forms = {
            "{etag}": self.etag,
            "{modified}": self.modified,
            "{modified-850}": moment.strftime("%A, %d-%b-%y %H:%M:%S GMT"),
            "{modified-asctime}": f"{moment:%a %b} {moment.day:2} {moment:%H:%M:%S %Y}",
        }
        for placeholder, text in forms.items():
            headers = headers.replace(placeholder, text)
        return headers.split(" | ") if headers else []


@dataclass(frozen=True)
class Read:
    """A row of `reads`."""

    target: str
    method: str
    headers: str
    status: int
    content: str
    nginx: str

    @property
    def file(self) -> str:
        """Which file it is about."""
        return self.target.partition("?")[0].partition("/")[0]

    @property
    def suffix(self) -> str:
        """What follows the file in the path."""
        return self.target.removeprefix(self.file)


@dataclass(frozen=True)
class Other:
    """A row of `others`."""

    path: str
    method: str
    headers: str
    body: str
    status: int
    content: str


READS: Final = [Read(*row) for row in _TABLE["reads"]]
OTHERS: Final = [Other(*row) for row in _TABLE["others"]]


def spans_in(answer: Answer, whole: bytes) -> str:
    """Which spans of a file the answer has, as a row writes them; fails where its bytes are others than it says."""
    size = len(whole)
    kind, _, boundary = answer["content-type"].partition("; boundary=")
    if kind != "multipart/byteranges":
        return _span(answer["content-range"], answer.body, whole)
    assert not answer["content-range"]
    assert int(answer["content-length"]) == len(answer.body)
    first, *parts, end = (b"\r\n" + answer.body.removeprefix(b"\r\n")).split(b"\r\n--" + boundary.encode())
    assert (first, end.strip(b"\r\n")) == (b"", b"--"), size
    spans: list[str] = []
    for part in parts:
        head, _, body = part.partition(b"\r\n\r\n")
        spans.append(_span(head.decode().rpartition("Content-Range: ")[2], body, whole))
    return ",".join(spans)


def _span(told: str, body: bytes, whole: bytes) -> str:
    span, _, size = told.removeprefix("bytes ").partition("/")
    first, last = map(int, span.split("-"))
    assert (int(size), body) == (len(whole), whole[first : last + 1])
    return span
