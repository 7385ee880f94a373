"""A small S3 in memory that does as a test tells it: it stores as real servers do, and answers as they never would."""

import asyncio
import base64
import hashlib
import itertools
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import quote, unquote
from xml.etree.ElementTree import fromstring

from aiohttp import web

from tests.support.s3.scripted import error, scripted_server
from tests.support.s3.server import S3Server

_DESCRIBING = (
    "content-type",
    "content-encoding",
    "content-language",
    "content-disposition",
    "cache-control",
    "expires",
)


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came in; `target` is its path and query, still encoded."""

    method: str
    target: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def __str__(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in sorted(self.query.items()))
        return f"{self.method} {self.path}{'?' if query else ''}{query}"


@dataclass(slots=True)
class Stored:
    body: bytes
    headers: dict[str, str]

    @property
    def etag(self) -> str:
        return self.headers["ETag"]


type Act = Callable[["PretendS3", Seen], Awaitable[web.StreamResponse]]
"""What is answered instead of the truth; `await server.obey(seen)` does what was asked, and gives the true answer."""


@dataclass
class PretendS3:
    server: S3Server
    objects: dict[str, Stored] = field(default_factory=dict)
    uploads: dict[str, tuple[str, dict[str, str], dict[int, bytes]]] = field(default_factory=dict)
    requests: list[Seen] = field(default_factory=list)
    _plans: list[tuple[Callable[[Seen], bool], Act]] = field(default_factory=list)
    _ids: "itertools.count[int]" = field(default_factory=itertools.count)

    def plan(self, act: Act, when: Callable[[Seen], bool], *, times: int = 1) -> None:
        """Let the next requests that fit be answered by `act`."""
        self._plans += [(when, act)] * times

    def forget_plans(self) -> None:
        self._plans.clear()

    @property
    def lines(self) -> list[str]:
        """The requests, one line each."""
        return [str(seen) for seen in self.requests]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        path = unquote(request.raw_path.partition("?")[0])
        seen = Seen(request.method, request.raw_path, path, dict(request.query), headers, await request.read())
        self.requests.append(seen)
        for number, (when, act) in enumerate(self._plans):
            if when(seen):
                del self._plans[number]
                return await act(self, seen)
        return await self.obey(seen)

    async def obey(self, seen: Seen) -> web.StreamResponse:
        match seen.method:
            case "PUT":
                return self._put(seen)
            case "POST" if "uploads" in seen.query:
                return self._begin(seen)
            case "POST":
                return self._complete(seen)
            case "DELETE" if "uploadId" in seen.query:
                found = self.uploads.pop(seen.query["uploadId"], None)
                return web.Response(status=204) if found else error(404, "NoSuchUpload")
            case "DELETE":
                self.objects.pop(seen.path, None)
                return web.Response(status=204)
            case "GET" if "uploads" in seen.query:
                return self._list_uploads()
            case "GET" if "uploadId" in seen.query:
                known = seen.query["uploadId"] in self.uploads
                return _xml("<ListPartsResult/>") if known else error(404, "NoSuchUpload")
            case "GET" if "list-type" in seen.query:
                return self._list(seen)
            case "HEAD" if seen.path.count("/") == 1:
                return web.Response()
            case _:
                return self._read(seen)

    def _put(self, seen: Seen) -> web.StreamResponse:
        if "uploadId" in seen.query:
            return self._put_part(seen)
        if seen.headers.get("if-none-match") == "*" and seen.path in self.objects:
            return error(412, "PreconditionFailed")
        if "x-amz-copy-source" in seen.headers:
            return self._copy(seen)
        self.objects[seen.path] = _stored(seen.body, seen.headers)
        return web.Response(headers=_confirming(seen, self.objects[seen.path].etag))

    def _read(self, seen: Seen) -> web.StreamResponse:
        stored = self.objects.get(seen.path)
        if stored is None:
            return error(404, "NoSuchKey")
        if not (asked := seen.headers.get("range")):
            return web.Response(body=stored.body, headers=stored.headers)
        first, _, last = asked.removeprefix("bytes=").partition("-")
        start, stop = int(first), min(int(last or len(stored.body)) + 1, len(stored.body))
        headers = {**stored.headers, "Content-Range": f"bytes {start}-{stop - 1}/{len(stored.body)}"}
        return web.Response(status=206, body=stored.body[start:stop], headers=headers)

    def _begin(self, seen: Seen) -> web.StreamResponse:
        upload_id = f"upload-{next(self._ids)}"
        self.uploads[upload_id] = (seen.path, dict(seen.headers), {})
        kind = seen.headers.get("x-amz-checksum-type")
        text = f"<InitiateMultipartUploadResult><UploadId>{upload_id}</UploadId></InitiateMultipartUploadResult>"
        return _xml(text, {"x-amz-checksum-type": kind} if kind else {})

    def _put_part(self, seen: Seen) -> web.StreamResponse:
        if seen.query["uploadId"] not in self.uploads:
            return error(404, "NoSuchUpload")
        body, number = seen.body, int(seen.query["partNumber"])
        if source := seen.headers.get("x-amz-copy-source"):
            etag = self.objects["/" + unquote(source)].etag
            if seen.headers.get("x-amz-copy-source-if-match", etag) != etag:
                return error(412, "PreconditionFailed")
            first, _, last = seen.headers["x-amz-copy-source-range"].removeprefix("bytes=").partition("-")
            body = self.objects["/" + unquote(source)].body[int(first) : int(last) + 1]
        self.uploads[seen.query["uploadId"]][2][number] = body
        etag = _etag(body)
        if source:
            return _xml(f"<CopyPartResult><ETag>{etag}</ETag></CopyPartResult>")
        return web.Response(headers=_confirming(seen, etag))

    def _complete(self, seen: Seen) -> web.StreamResponse:
        if seen.headers.get("if-none-match") == "*" and seen.path in self.objects:
            return error(412, "PreconditionFailed")
        upload = self.uploads.pop(seen.query["uploadId"], None)
        if upload is None:
            return error(404, "NoSuchUpload")
        path, headers, parts = upload
        numbers = [int(number.text or "") for number in fromstring(seen.body).iterfind(".//{*}PartNumber")]
        stored = self.objects[path] = _stored(b"".join(parts[number] for number in numbers), headers)
        whole = stored.headers["x-amz-checksum-crc32"]
        if seen.headers.get("x-amz-checksum-crc32", whole) != whole:
            return error(400, "BadDigest")
        return _xml(
            f"<CompleteMultipartUploadResult><ETag>{stored.etag}</ETag><ChecksumCRC32>{whole}</ChecksumCRC32>"
            "</CompleteMultipartUploadResult>"
        )

    def _copy(self, seen: Seen) -> web.StreamResponse:
        source = self.objects.get("/" + unquote(seen.headers["x-amz-copy-source"]))
        if source is None:
            return error(404, "NoSuchKey")
        if seen.headers.get("x-amz-copy-source-if-match", source.etag) != source.etag:
            return error(412, "PreconditionFailed")
        self.objects[seen.path] = _stored(source.body, seen.headers)
        return _xml(f"<CopyObjectResult><ETag>{source.etag}</ETag></CopyObjectResult>")

    def _list(self, seen: Seen) -> web.StreamResponse:
        """All on one page."""
        front = f"{seen.path.rstrip('/')}/"
        entries = (
            f"<Contents><Key>{quote(path.removeprefix(front))}</Key><Size>{len(stored.body)}</Size></Contents>"
            for path, stored in sorted(self.objects.items())
            if path.startswith(front + seen.query.get("prefix", ""))
        )
        return _xml(f"<ListBucketResult><EncodingType>url</EncodingType>{''.join(entries)}</ListBucketResult>")

    def _list_uploads(self) -> web.StreamResponse:
        entries = (
            f"<Upload><Key>{path.split('/', 2)[2]}</Key><UploadId>{upload_id}</UploadId></Upload>"
            for upload_id, (path, *_) in self.uploads.items()
        )
        return _xml(f"<ListMultipartUploadsResult>{''.join(entries)}</ListMultipartUploadsResult>")


@asynccontextmanager
async def pretend_s3() -> AsyncIterator[PretendS3]:
    pretend: PretendS3 | None = None

    async def answer(request: web.Request) -> web.StreamResponse:
        assert pretend is not None
        return await pretend.answer(request)

    async with scripted_server(answer) as server:
        pretend = PretendS3(server)
        yield pretend


def saying(response: Callable[[], web.StreamResponse], *, obey: bool = False) -> Act:
    """Answer that, having done what was asked (`obey`) or not."""

    async def act(server: PretendS3, seen: Seen) -> web.StreamResponse:
        if obey:
            await server.obey(seen)
        return response()

    return act


def silent(enough: asyncio.Event) -> Act:
    """Answer nothing until the test says that it is enough; then obey."""

    async def act(server: PretendS3, seen: Seen) -> web.StreamResponse:
        await enough.wait()
        return await server.obey(seen)

    return act


def _stored(body: bytes, headers: Mapping[str, str]) -> Stored:
    kept = {name: value for name, value in headers.items() if name in _DESCRIBING or name.startswith("x-amz-meta-")}
    if storage_class := headers.get("x-amz-storage-class"):
        kept["x-amz-storage-class"] = storage_class
    return Stored(body, {**kept, "ETag": _etag(body), "x-amz-checksum-crc32": _crc32(body)})


def _confirming(seen: Seen, etag: str) -> dict[str, str]:
    headers = {"ETag": etag}
    if checksum := seen.headers.get("x-amz-checksum-crc32"):
        headers["x-amz-checksum-crc32"] = checksum
    return headers


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


def _crc32(body: bytes) -> str:
    return base64.b64encode(zlib.crc32(body).to_bytes(4)).decode()


def _xml(text: str, headers: Mapping[str, str] | None = None) -> web.StreamResponse:
    return web.Response(text=text, content_type="application/xml", headers=headers)
