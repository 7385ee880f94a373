"""The paths and queries of links that FastDFS' nginx module serves.

A path is `/group1/M00/00/00/<name>`, or `/M00/00/00/<name>` where the servers of one group are set up to leave it out.
A query may have `token` and `ts`, and `filename` under which the file is saved; the module ignores everything else.
"""

import re
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import quote, unquote_to_bytes

from s3py_helper.domain.errors import FileNotFoundException, InvalidArgumentException
from s3py_helper.domain.fastdfs_name import STORE_PATH, decoded
from s3py_helper.domain.text_rules import shortened

_SLASHES: Final = re.compile(r"/{2,}")
_LIKE_A_STORE_PATH: Final = re.compile(r"[A-Za-z][0-9A-Za-z]{1,3}")
_GROUP: Final = re.compile(r"[A-Za-z0-9._-]{1,16}")

_NAME: Final = re.compile(r"M[0-9A-F]{2}/[0-9A-F]{2}/[0-9A-F]{2}/[^/]{34,}", re.DOTALL)
"""27 characters that tell the facts of a file, and the 7 of random digits and extension at least."""

_PLAIN_LINK: Final = re.compile(
    r"/(?:([A-Za-z0-9._-]{1,16})/)?(M[0-9A-F]{2}/[0-9A-F]{2}/[0-9A-F]{2}/[A-Za-z0-9_-]{27}[A-Za-z0-9._-]{7,90})"
)

_STORABLE_NAME: Final = re.compile(r"[^\x00-\x20\x7f-\U0010ffff\"#%?\\]{44,127}")
"""FastDFS has no names of 128 bytes and more. What has another meaning in a URL would be mistaken for it elsewhere."""

_METADATA_SUFFIX: Final = "-m"
"""Behind a file's name: its metadata, on the disks of FastDFS. The module serves them to anybody."""


class LinkPath(NamedTuple):
    """What a path names.

    Attributes:
        group: The group; `None` where the path has none.
        name: The rest, which tokens are made of: `M00/00/00/...` in a link that is right.
    """

    group: str | None
    name: str

    def file_id(self, default_group: str | None = None) -> str:
        """The id of the file.

        Args:
            default_group: The group of a path without one.

        Raises:
            InvalidArgumentException: The path does not have the form of an id.
            FileNotFoundException: It has, but there can be no such file.
        """
        group = self.group or default_group
        if group is None:
            raise _invalid(self.name, "it names no group, and there is no default group")
        if not _GROUP.fullmatch(group):
            raise _invalid(self.name, f"{shortened(group)} is no group")
        if not _NAME.fullmatch(self.name):
            raise _invalid(self.name, "an id reads M00/00/00/ and a name of 34 characters or more")
        if decoded(self.name) is None:
            raise _invalid(self.name, "no server made this name")
        if self.name.endswith(_METADATA_SUFFIX) or not _STORABLE_NAME.fullmatch(self.name):
            raise FileNotFoundException(f"no such file: {shortened(self.name)}", operation="download")
        return f"{group}/{self.name}"


@dataclass(frozen=True, slots=True)
class LinkQuery:
    """The parameters of a link that mean something.

    Attributes:
        token: See `fastdfs_token`.
        ts: The moment that the token was made for.
        filename: The bytes under which the file is saved, which may be of any encoding; `None` where nothing is asked.
    """

    token: str | None = None
    ts: str | None = None
    filename: bytes | None = None


NO_QUERY: Final = LinkQuery()


def parse_link_path(path: str) -> LinkPath | None:
    """What a path names, right or not; `None` where it is not meant as a link.

    Args:
        path: Decoded once. Slashes are merged, as nginx does; `.` and `..` are left for what they are: no name.
    """
    first, _, rest = _SLASHES.sub("/", path).removeprefix("/").partition("/")
    store_path, slash, _ = rest.partition("/")
    if STORE_PATH.fullmatch(store_path):
        return LinkPath(first, rest)
    if STORE_PATH.fullmatch(first):
        return LinkPath(None, f"{first}/{rest}")
    if slash and _LIKE_A_STORE_PATH.fullmatch(store_path):
        return LinkPath(first, rest)
    if slash and _LIKE_A_STORE_PATH.fullmatch(first):
        return LinkPath(None, f"{first}/{rest}")
    return None


def plain_link(path: str) -> LinkPath | None:
    """The same for a path that is a link beyond doubt; `None` for others, which may be links too."""
    match = _PLAIN_LINK.fullmatch(path)
    return None if match is None else LinkPath(match[1], match[2])


def parse_link_query(query: bytes) -> LinkQuery:
    """Read a query as the module does.

    Keys count as they are written, and the first of several parameters; one without `=` is none. Values are decoded
    once: `+` is a blank, and a `%` that begins nothing stays.
    """
    if not query:
        return NO_QUERY
    found: dict[bytes, bytes] = {}
    for parameter in query.split(b"&"):
        key, equals, value = parameter.partition(b"=")
        if equals:
            found.setdefault(key, value)
    filename = found.get(b"filename")
    return LinkQuery(
        _text(found.get(b"token")),
        _text(found.get(b"ts")),
        None if filename is None else _decoded(filename),
    )


def file_name_in(filename: bytes) -> str:
    """The name that a client may save a file under: the last part of it, without control characters."""
    text = filename.decode("utf-8", "replace")
    last = re.split(r"[/\\]", text)[-1]
    return "".join(letter for letter in last if letter.isprintable())


def link_path(
    group: str | None, name: str, *, filename: str | None = None, token: tuple[str, int] | None = None
) -> str:
    """Path and query of a link, as a client sends them."""
    query: list[str] = []
    if token is not None:
        query.append(f"token={token[0]}&ts={token[1]}")
    if filename is not None:
        query.append(f"filename={quote(filename, safe='')}")
    path = f"/{name}" if group is None else f"/{group}/{name}"
    return quote(path) + (f"?{'&'.join(query)}" if query else "")


def _decoded(value: bytes) -> bytes:
    return unquote_to_bytes(value.replace(b"+", b" "))


def _text(value: bytes | None) -> str | None:
    return None if value is None else _decoded(value).decode("latin-1")


def _invalid(name: str, problem: str) -> InvalidArgumentException:
    return InvalidArgumentException(f"not a link to a file, {shortened(name)}: {problem}", operation="download")
