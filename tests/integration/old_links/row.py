"""The language of the table: a request, what FastDFS' nginx module answered to it, and what is answered here.

An answer is written as its status and what comes with it:

| text            | means                                                                               |
|-----------------|-------------------------------------------------------------------------------------|
| `200`           | the whole file, with `Content-Length`                                                |
| `200 deny`      | the deny page                                                                        |
| `206 0-99`      | these bytes, with `Content-Range`                                                    |
| `206 0-9,20-29` | these ranges as `multipart/byteranges`, in this order                                |
| `416 */900`     | with this `Content-Range`; without it, `Content-Range` is missing                    |
| `304`, `404`    | no bytes of the file                                                                 |
| `200 any`       | other bytes                                                                          |
| `200 flv`       | a piece of a film                                                                    |
| `400|404`       | one of these                                                                         |
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

SECRET: Final = "FastDFS1234567890"
TTL: Final = 900


class Setup(StrEnum):
    """How nginx was set up; the service here is set up alike."""

    GROUP = "a"
    """The group in the path, no token."""
    TOKEN = "b"
    """The same with tokens."""
    DENY = "c"
    """The same with tokens and a deny page."""
    NO_GROUP = "d"
    """No group in the path, no token."""


@dataclass(frozen=True, slots=True)
class Sign:
    """What the token in a target is made of: `{token}` and `{ts}`.

    Attributes:
        of: The text that is signed, of the file's name `{...}`.
        ts: Unix seconds from now on; `None` for the moment 0, a text for exactly that.
        secret: With which it is signed.
    """

    of: str = "{file}"
    ts: int | str | None = 0
    secret: str = SECRET


@dataclass(frozen=True, slots=True)
class Row:
    """One request.

    Attributes:
        target: Of the request line; `{file}` and the like stand for names of files, see `site.py`.
        module: What the module answered.
        ours: What is answered here; the same by default.
        why: Why that differs.
        strict: What is answered here with `strict`; as `ours` by default.
        setup: How the server is set up.
        method: Of the request.
        headers: Lines besides `Host`.
        sign: What `{token}` and `{ts}` in the target are.
        of: Whose bytes come.
        tells: Headers of the answer here; `None` for one that must not be there.
        module_tells: Headers of the module's answer, where they differ from that.
        strict_tells: Headers of the answer here with `strict`.
        host: The lines with `Host`.
        version: Of the request line.
    """

    target: str
    module: str
    ours: str = ""
    why: str = ""
    strict: str = ""
    setup: Setup = Setup.GROUP
    method: str = "GET"
    headers: tuple[str, ...] = ()
    sign: Sign | None = None
    of: str = "file"
    tells: Mapping[str, str | None] = field(default_factory=dict)
    module_tells: Mapping[str, str | None] | None = None
    strict_tells: Mapping[str, str | None] | None = None
    host: tuple[str, ...] = ("Host: 127.0.0.1",)
    version: str = "HTTP/1.1"

    def __post_init__(self) -> None:
        differs = bool(self.ours) or self.module_tells is not None
        assert bool(self.why) == differs, f"{self}: a difference is argued, and nothing else"

    @property
    def here(self) -> str:
        """What is answered here."""
        return self.ours or self.module

    @property
    def here_strictly(self) -> str:
        """What is answered here with `strict`."""
        return self.strict or self.here

    @property
    def request(self) -> tuple[object, ...]:
        """What is sent, to which setup."""
        return self.setup, self.method, self.target, self.headers, self.sign, self.host, self.version

    def __str__(self) -> str:
        """The request in short."""
        return f"{self.setup} {self.method} {self.target} {' | '.join(self.headers)}"


F: Final = "/group1/{file}"
"""The usual target."""
