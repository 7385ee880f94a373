"""Sending a request of the table byte by byte, and comparing what comes with what was expected."""

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from s3py_helper.domain.fastdfs_token import fastdfs_token
from tests.integration.old_links.names import Name
from tests.integration.old_links.row import Row
from tests.integration.old_links.site import DENY_PAGE, METADATA, Files

_SECONDS: Final = 20
_BYTES: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


@dataclass(frozen=True, slots=True)
class Response:
    """What came until the connection was closed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


async def ask(address: tuple[str, int], row: Row, names: Mapping[str, Name]) -> Response:
    """Send the request on a connection of its own."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(written(row, names))
        async with asyncio.timeout(_SECONDS):
            received = await reader.read()
    finally:
        writer.close()
    head, _, body = received.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Response(int(status.split()[1]), headers, body)


def written(row: Row, names: Mapping[str, Name]) -> bytes:
    """The request's bytes."""
    values: dict[str, object] = dict(names)
    if row.sign is not None:
        ts = row.sign.ts
        moment = "0" if ts is None else str(int(time.time()) + ts) if isinstance(ts, int) else ts
        signed = row.sign.of.format(**names)
        # A moment that a client writes is the number itself; other texts are signed as the module reads them.
        token = fastdfs_token(signed, row.sign.secret, int(moment))
        values |= {"token": Name(token), "ts": Name(moment)}
    target = row.target.format(**values)
    headers = (line.format(**values) if "{" in line else line for line in row.headers)
    lines = [f"{row.method} {target} {row.version}", *row.host, *headers, "Connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1")


def difference(
    row: Row, expected: str, tells: Mapping[str, str | None], response: Response, files: Files
) -> str | None:
    """What is not as expected; `None` where everything is."""
    for name, value in tells.items():
        wanted = None if value is None else value.format(**files.names)
        if response.headers.get(name.lower()) != wanted:
            return f"{name}: {response.headers.get(name.lower())!r}, not {wanted!r}"
    problems = [_one_difference(row, text.strip(), response, files) for text in expected.split("|")]
    return None if None in problems else "; ".join(problem for problem in problems if problem)


def _one_difference(row: Row, expected: str, response: Response, files: Files) -> str | None:
    status, _, rest = expected.partition(" ")
    if response.status != int(status):
        return f"{response.status}, not {status}"
    if status == "416" and row.method == "GET":
        content_range = response.headers.get("content-range")
        return None if content_range == (f"bytes {rest}" if rest else None) else f"Content-Range: {content_range}"
    if status not in {"200", "206"} and rest != "deny":
        return "bytes behind a 304" if status == "304" and response.body else None
    if rest in {"any", "flv"}:
        return None if rest == "any" or response.body.startswith(b"FLV") else "no film"
    content = {"deny": DENY_PAGE, "metadata": METADATA}.get(row.of) or files.contents.get(row.of, b"")
    if row.method == "HEAD":
        return None if not response.body else "bytes behind HEAD"
    if not rest or rest == "deny":
        return _body_difference(response, content)
    spans = [(int(first), int(last)) for first, last in (span.split("-") for span in rest.split(","))]
    if len(spans) == 1:
        (first, last) = spans[0]
        content_range = f"bytes {first}-{last}/{len(content)}"
        if response.headers.get("content-range") != content_range:
            return f"Content-Range: {response.headers.get('content-range')}, not {content_range}"
        return _body_difference(response, content[first : last + 1])
    return _multipart_difference(response, spans, content)


def _body_difference(response: Response, content: bytes) -> str | None:
    if response.body != content:
        return f"{len(response.body)} other bytes than the {len(content)} expected"
    length = response.headers.get("content-length")
    return None if length == str(len(content)) else f"Content-Length: {length}"


def _multipart_difference(response: Response, spans: list[tuple[int, int]], content: bytes) -> str | None:
    kind, _, boundary = response.headers.get("content-type", "").partition("; boundary=")
    if kind != "multipart/byteranges":
        return f"Content-Type: {kind}"
    if response.headers.get("content-length") != str(len(response.body)):
        return "Content-Length is not that of the body"
    *parts, end = (b"\r\n" + response.body).split(b"\r\n--" + boundary.encode())[1:]
    if end.rstrip() != b"--":
        return f"the end is {end!r}"
    found: list[tuple[int, int]] = []
    for part in parts:
        head, _, body = part.partition(b"\r\n\r\n")
        match = _BYTES.search(head.decode("latin-1"))
        if match is None or int(match[3]) != len(content):
            return f"a part has no range: {head!r}"
        found.append((int(match[1]), int(match[2])))
        if body != content[found[-1][0] : found[-1][1] + 1]:
            return f"other bytes in the part {found[-1]}"
    return None if found == spans else f"parts {found}, not {spans}"
