"""Whatever comes, the response is one of those that are documented: never 500, never none, never other bytes."""

import asyncio
import io
import json
import re
import zipfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.types import Message

from s3py_helper.adapters.memory.store import MemoryBlobStore
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.file_type import FileTypeConfig
from s3py_helper.domain.validation import FileValidatorImpl
from s3py_helper.entrypoints.http import create_files_router
from s3py_helper.entrypoints.http.limits.limits import Limits
from s3py_helper.entrypoints.http.problems.handlers import install_problem_handlers
from tests.integration.service.running import services_on
from tests.support.fuzzing import examples

CONTENT = bytes(range(256)) * 4
LIMIT = 5000

pytestmark = pytest.mark.timeout(120)
fuzzed = settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.too_slow])


@dataclass
class Answer:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    complete: bool = False


@dataclass(frozen=True)
class Site:
    """The endpoints, called without a server, on files in memory."""

    app: FastAPI
    kept: MemoryBlobStore
    file_id: str
    etag: str
    modified: str
    loop: asyncio.Runner

    def ask(
        self,
        method: str,
        path: str,
        headers: Sequence[tuple[str, bytes]] = (),
        chunks: Sequence[bytes] = (),
        *,
        leaves: bool = False,
        query: str = "",
    ) -> Answer:
        return self.loop.run(self._ask(method, path, headers, chunks, leaves=leaves, query=query))

    async def _ask(
        self,
        method: str,
        path: str,
        headers: Sequence[tuple[str, bytes]],
        chunks: Sequence[bytes],
        *,
        leaves: bool,
        query: str,
    ) -> Answer:
        answer = Answer()
        messages: list[Message] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
        if not leaves:
            messages.append({"type": "http.request", "body": b"", "more_body": False})

        async def receive() -> Message:
            if messages:
                return messages.pop(0)
            if not leaves:
                # A client that waits for its response.
                await asyncio.Event().wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                assert not answer.status
                answer.status = message["status"]
                answer.headers = {name.decode(): value.decode("latin-1") for name, value in message["headers"]}
            else:
                answer.body += message.get("body", b"")
                answer.complete = not message.get("more_body", False)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode("ascii", "replace"),
            "scheme": "http",
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "headers": [(b"host", b"127.0.0.1"), *((name.encode(), value) for name, value in headers)],
            "state": {},
        }
        async with asyncio.timeout(20):
            await self.app(scope, receive, send)
        # A client that left gets what uvicorn drops.
        if not leaves:
            assert answer.complete
            if method != "HEAD":
                assert answer.headers.get("content-length", str(len(answer.body))) == str(len(answer.body))
            assert answer.status < 500, answer.body
        if answer.headers.get("content-type") == "application/problem+json":
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert json.loads(answer.body)["status"] == answer.status
        return answer


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    @asynccontextmanager
    async def opened() -> AsyncIterator[tuple[FastAPI, MemoryBlobStore, Any]]:
        async with MemoryBlobStore(Backend.S3, "my-bucket") as kept:
            services = services_on(kept, FileValidatorImpl(FileTypeConfig(blacklist=["exe"]), LIMIT))
            app = FastAPI()
            install_problem_handlers(app)
            app.include_router(create_files_router(lambda: services, limits=Limits(max_file_size=LIMIT)))
            yield app, kept, await services.upload_service.upload_bytes("a.bin", CONTENT)

    with asyncio.Runner() as loop:
        context = opened()
        app, kept, attach = loop.run(context.__aenter__())
        site = Site(app, kept, attach.file_id, attach.etag, "", loop)
        head = site.ask("GET", f"/files/{attach.file_id}/download")
        assert head.body == CONTENT
        yield Site(app, kept, attach.file_id, attach.etag, head.headers["last-modified"], loop)
        loop.run(context.__aexit__(None, None, None))


header_text = st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=20)
numbers = st.integers(0, 1100).map(str) | st.integers(0, 2**70).map(str) | st.just("")
ranges = st.one_of(
    st.builds("bytes={}-{}".format, numbers, numbers),
    st.builds("bytes={}-{}{}".format, numbers, numbers, st.sampled_from([",", " ,0-1", ",-1", ", ", "\t"])),
    st.builds("{}={}-{}".format, st.sampled_from(["bytes", "Bytes", "items", ""]), numbers, numbers),
    header_text,
    st.builds("bytes={}".format, header_text),
)


@st.composite
def download_headers(draw: st.DrawFn) -> list[tuple[str, bytes]]:
    """Headers that name the file's validators, nearly name them, or are anything."""
    tags = st.one_of(
        st.just("{etag}"), st.sampled_from(['"x"', "W/{etag}", "*", "junk {etag}", "{etag} junk"]), header_text
    )
    tag_lists = st.lists(tags, min_size=1, max_size=3).map(", ".join)
    dates = st.one_of(
        st.just("{modified}"),
        st.sampled_from(["Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 2094 08:49:37 GMT"]),
        header_text,
    )
    values = {
        "range": ranges,
        "if-match": tag_lists,
        "if-none-match": tag_lists,
        "if-range": tags | dates,
        "if-modified-since": dates,
        "if-unmodified-since": dates,
    }
    names = draw(st.lists(st.sampled_from(sorted(values)), max_size=5))
    return [(name, draw(values[name]).encode("latin-1")) for name in names]


def _parts(answer: Answer) -> list[tuple[str, bytes]]:
    """`Content-Range` and bytes, of each part where there are several."""
    boundary = answer.headers["content-type"].partition("multipart/byteranges; boundary=")[2]
    if not boundary:
        return [(answer.headers["content-range"], answer.body)]
    assert "content-range" not in answer.headers
    first, *parts, end = (b"\r\n" + answer.body).split(b"\r\n--" + boundary.encode())
    assert (first, end) == (b"", b"--\r\n")
    heads = [part.partition(b"\r\n\r\n") for part in parts]
    return [(head.decode("latin-1").rpartition("Content-Range: ")[2], body) for head, _, body in heads]


@pytest.mark.slow
@fuzzed
@given(headers=download_headers(), method=st.sampled_from(["GET", "GET", "HEAD"]), inline=st.booleans())
def test_a_download_is_the_right_bytes_or_a_reason(
    site: Site, headers: list[tuple[str, bytes]], method: str, *, inline: bool
) -> None:
    etag, modified = site.etag.encode(), site.modified.encode()
    filled = [(name, value.replace(b"{etag}", etag).replace(b"{modified}", modified)) for name, value in headers]
    answer = site.ask(method, f"/files/{site.file_id}/download", filled, query="inline=1" if inline else "")
    names = {name for name, _ in headers}
    match answer.status:
        case 200:
            assert answer.body == (CONTENT if method == "GET" else b"")
        case 206:
            assert method == "GET"
            assert "range" in names
            parts = _parts(answer)
            assert parts
            for told, body in parts:
                span = re.fullmatch(r"bytes (\d+)-(\d+)/1024", told)
                assert span
                assert body == CONTENT[int(span[1]) : int(span[2]) + 1] != b""
        case 304:
            assert not answer.body
            assert names & {"if-none-match", "if-modified-since"}
            assert answer.headers["etag"] == site.etag
        case 412:
            assert names & {"if-match", "if-unmodified-since"}
        case status:
            assert (status, method, answer.headers["content-range"]) == (416, "GET", "bytes */1024")
            assert "range" in names


@fuzzed
@given(
    path=st.text(max_size=60),
    method=st.sampled_from(["GET", "HEAD", "DELETE", "POST"]),
    aspect=st.sampled_from(["/download", "/info", ""]),
    prefix=st.sampled_from(["", "s3:", "s3:my-bucket/", "fs:", "group1/M00/00/00/", "s3:secrets/"]),
)
def test_any_id_is_answered(site: Site, path: str, method: str, aspect: str, prefix: str) -> None:
    answer = site.ask(method, f"/files/{prefix}{path}{aspect}".replace("%", "%25"), [("content-length", b"0")])
    assert answer.status in {400, 403, 404, 405, 422}
    assert site.file_id in {str(file_id) for file_id in site.kept.file_ids}


@dataclass(frozen=True)
class Form:
    """A form and what it should come to."""

    body: bytes
    contents: list[bytes]
    field: str


names = st.text(st.characters(codec="utf-8"), max_size=30)


@st.composite
def forms(draw: st.DrawFn) -> Form:
    several = draw(st.booleans())
    wanted = "files" if several else "file"
    fields = st.sampled_from([wanted, wanted, "other"])
    contents, body = [], b""
    for _ in range(draw(st.integers(0, 4))):
        name = draw(fields)
        content = draw(st.binary(max_size=50) | st.binary(max_size=20).map(lambda piece: piece * 400))
        file_name = draw(st.sampled_from(["a.txt", "Größe.bin"]) | names)
        quoted = file_name.replace("\\", "\\\\").replace('"', '\\"')
        more = draw(st.sampled_from(["", "Content-Type: text/plain\r\n", "Content-Transfer-Encoding: binary\r\n"]))
        head = f'Content-Disposition: form-data; name="{name}"; filename="{quoted}"\r\n{more}\r\n'
        body += b"--edge\r\n" + head.encode() + content + b"\r\n"
        if name == wanted:
            contents.append(content)
    return Form(body + b"--edge--\r\n", contents, wanted)


@st.composite
def spoilt(draw: st.DrawFn, body: bytes) -> bytes:
    """The form with something cut out, put in, or doubled."""
    at = draw(st.integers(0, len(body)))
    to = draw(st.integers(at, min(len(body), at + 40)))
    extra = draw(
        st.sampled_from([b"", b"--edge", b"--edge--", b"\r\n", b"\r\n\r\n", b'"', b"\x00", b"filename*="])
        | st.binary(max_size=8)
    )
    return body[:at] + extra + body[draw(st.sampled_from([at, to])) :]


@st.composite
def in_pieces(draw: st.DrawFn, body: bytes) -> list[bytes]:
    cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=6)))
    return [body[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(body)], strict=True)]


@pytest.mark.slow
@fuzzed
@given(data=st.data(), form=forms(), broken=st.booleans(), leaves=st.booleans(), declared=st.booleans())
def test_a_form_is_stored_as_it_is_or_not_at_all(
    site: Site, data: st.DataObject, form: Form, *, broken: bool, leaves: bool, declared: bool
) -> None:
    before = set(site.kept.file_ids)
    body = data.draw(spoilt(form.body)) if broken else form.body
    headers = [("content-type", b"multipart/form-data; boundary=edge")]
    headers.append(("content-length", b"%d" % len(body)) if declared else ("transfer-encoding", b"chunked"))
    path = "/files/batch-upload" if form.field == "files" else "/files/upload"
    chunks = data.draw(in_pieces(body))
    answer = site.ask("POST", path, headers, [chunk for chunk in chunks if chunk], leaves=leaves)
    new = set(site.kept.file_ids) - before
    try:
        if leaves:
            # The request never ends, whatever has come of it.
            assert not new
            return
        assert answer.status in {200, 400, 413, 422}
        if answer.status != 200:
            assert not new
            return
        attached = json.loads(answer.body)
        attached = attached if isinstance(attached, list) else [attached]
        assert {attach["file_id"] for attach in attached} == {str(file_id) for file_id in new}
        if not broken:
            downloads = [
                site.ask("GET", f"/files/{attach['file_id'].replace('%', '%25')}/download") for attach in attached
            ]
            assert [download.body for download in downloads] == form.contents
    finally:
        site.loop.run(_deleted(site.kept, new))


async def _deleted(kept: MemoryBlobStore, file_ids: set[Any]) -> None:
    for file_id in file_ids:
        await kept.delete(file_id)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["file_id", "file_name", "x"]), inner),
    max_leaves=8,
)


@st.composite
def archive_bodies(draw: st.DrawFn) -> bytes:
    file_ids = st.sampled_from(["{id}", "s3:my-bucket/none", "s3:secrets/x", "s3:", "group1/M00/x"]) | st.text(
        max_size=20
    )
    entries = st.fixed_dictionaries({"file_id": file_ids}, optional={"file_name": st.none() | st.text(max_size=40)})
    body = json.dumps(draw(st.lists(entries, max_size=6) | json_values)).encode()
    return draw(st.sampled_from([body, body, body, body[:-1], body + b"x"]) | st.binary(max_size=30))


@pytest.mark.slow
@fuzzed
@given(
    body=archive_bodies(),
    data=st.data(),
    query=st.sampled_from(
        [
            "",
            "on_error=skip",
            "verify_first=false",
            "compression=never",
            "on_error=skip&verify_first=0",
            "compression=best",
            "on_error=",
        ]
    ),
)
def test_an_archive_can_be_opened_or_is_refused(site: Site, body: bytes, data: st.DataObject, query: str) -> None:
    body = body.replace(b"{id}", site.file_id.encode())
    headers = [("content-type", b"application/json"), ("content-length", b"%d" % len(body))]
    answer = site.ask("POST", "/files/download-zip", headers, data.draw(in_pieces(body)), query=query)
    assert answer.status in {200, 400, 403, 404, 422}
    if answer.status == 200:
        with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
            assert archive.testzip() is None
            entries = json.loads(body)
            assert len(archive.namelist()) == len(entries) or "_missing.txt" in archive.namelist()


@fuzzed
@given(
    content_type=st.binary(max_size=60)
    | st.builds(b"multipart/form-data; boundary=%b".__mod__, st.binary(max_size=30)),
    path=st.sampled_from(["/files/upload", "/files/batch-upload", "/files/download-zip"]),
    body=st.binary(max_size=100),
    query=st.text(st.characters(codec="ascii"), max_size=30),
)
def test_any_content_type_and_query_is_answered(
    site: Site, content_type: bytes, path: str, body: bytes, query: str
) -> None:
    headers = [("content-type", content_type), ("content-length", b"%d" % len(body))]
    assert site.ask("POST", path, headers, [body], query=query).status in {400, 403, 422}
