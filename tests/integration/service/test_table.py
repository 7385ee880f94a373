"""The table of requests: the same on every backend, as nginx answers where it does, and without a fault in HTTP."""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from httplint import HttpRequestLinter, HttpResponseLinter
from httplint.note import levels

from s3py_helper.entrypoints.container.config import FastdfsConfig, FilesystemConfig, StorageMode
from s3py_helper.entrypoints.http import create_app
from s3py_helper.entrypoints.settings import Settings
from tests.integration.service.running import served
from tests.integration.service.table.asking import Answer, ask
from tests.integration.service.table.nginx import nginx, nginx_program
from tests.integration.service.table.rows import FILES, GONE, OTHERS, READS, Known, Read, spans_in
from tests.support.fastdfs.site import FastdfsSite
from tests.support.s3.server import S3Server

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]

BACKENDS = ("disk", "S3", "FastDFS")


@dataclass(frozen=True)
class Site:
    """A server with the files of the table, and what it says of them."""

    url: str
    paths: dict[str, str]
    known: dict[str, Known]

    @classmethod
    async def at(cls, url: str, paths: dict[str, str]) -> "Site":
        known = {}
        for name, path in paths.items():
            head = await ask(url, "HEAD", path, [])
            known[name] = Known(head["etag"], head["last-modified"])
        return cls(url, paths, known)

    async def read(self, row: Read) -> Answer:
        return await ask(
            self.url, row.method, self.paths[row.file] + row.suffix, self.known[row.file].filled(row.headers)
        )


@asynccontextmanager
async def _service(settings: Settings) -> AsyncGenerator[Site]:
    async with served(create_app(settings), http="ours") as url, httpx.AsyncClient(base_url=url) as client:
        ids: dict[str, str] = {}
        for name, content in {**FILES, GONE: b"x"}.items():
            answer = await client.post("/files/upload", files={"file": (name, content, "application/octet-stream")})
            ids[name] = answer.json()["file_id"]
        assert (await client.delete(f"/files/{ids[GONE]}")).status_code == 200
        yield await Site.at(url, {name: f"/files/{quote(file_id)}" for name, file_id in ids.items()})
        for name in FILES:
            await client.delete(f"/files/{ids[name]}")


@pytest.fixture
async def sites(tmp_path: Path, seaweedfs: S3Server, fastdfs_site: FastdfsSite) -> AsyncIterator[dict[str, Site]]:
    trackers = list(fastdfs_site.trackers)
    settings = {
        "disk": Settings(_env_file=None, filesystem=FilesystemConfig(root=tmp_path)),
        "S3": Settings(_env_file=None, mode=StorageMode.S3, s3=seaweedfs.config()),
        "FastDFS": Settings(_env_file=None, mode=StorageMode.FASTDFS, fastdfs=FastdfsConfig(tracker_servers=trackers)),
    }
    async with AsyncExitStack() as stack:
        yield {name: await stack.enter_async_context(_service(given)) for name, given in settings.items()}


def _problem_of(row: Read, answer: Answer) -> str | None:
    """What is wrong with an answer to a row."""
    if answer.status != row.status:
        return f"status {answer.status}"
    whole = FILES.get(row.file, b"")
    if (row.content == "none" or row.method == "HEAD") and answer.body:
        return "it has a body"
    if row.content == "whole" and answer.body != whole:
        return f"other bytes: {answer.body[:50]!r}"
    if row.content == "problem" and answer["content-type"] != "application/problem+json":
        return f"no problem: {answer['content-type']}"
    if row.status == HTTPStatus.PARTIAL_CONTENT and (found := spans_in(answer, whole)) != row.content:
        return f"bytes {found}"
    if row.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        return None if answer["content-range"] == f"bytes */{len(whole)}" else f"range {answer['content-range']}"
    return None


async def _failures(site: Site, problem_of: Callable[[Read, Answer], str | None]) -> list[str]:
    found = [(row, problem_of(row, await site.read(row))) for row in READS]
    return [f"{row.method} {row.target} [{row.headers}]: {problem}" for row, problem in found if problem]


@pytest.mark.parametrize("backend", BACKENDS)
async def test_reads_come_to_what_the_table_says(sites: dict[str, Site], backend: str) -> None:
    assert len(READS) + len(OTHERS) >= 200
    assert await _failures(sites[backend], _problem_of) == []


async def _others(site: Site) -> list[Answer]:
    answers = []
    for row in OTHERS:
        body = b"0" * int(row.body) if row.body.isdecimal() else row.body.encode()
        answers.append(await ask(site.url, row.method, row.path, row.headers.split(" | ") if row.headers else [], body))
    return answers


@pytest.mark.parametrize("backend", BACKENDS)
async def test_the_rest_comes_to_what_the_table_says(sites: dict[str, Site], backend: str) -> None:
    kinds = {
        "json": "application/json",
        "problem": "application/problem+json",
        "zip": "application/zip",
        "none": "application/json",
    }
    failures = [
        f"{row.method} {row.path} [{row.headers}]: {answer.status} {answer['content-type']} {answer.body[:200]!r}"
        for row, answer in zip(OTHERS, await _others(sites[backend]), strict=True)
        if (answer.status, answer["content-type"]) != (row.status, kinds[row.content])
        or bool(answer["location"]) != (row.status == HTTPStatus.CREATED)
    ]
    assert failures == []


def _comparable(answer: Answer, site: Site) -> tuple[int, list[tuple[str, str]], bytes]:
    """An answer without what is each server's own: validators, ids, dates and boundaries."""
    boundary = answer["content-type"].partition("boundary=")[2]
    own = {boundary: "BOUNDARY", **{path.removeprefix("/files/"): "ID" for path in site.paths.values()}}
    own |= {known.etag: "ETAG" for known in site.known.values()}
    if boundary:
        own[answer["content-digest"]] = "DIGEST"  # it covers the boundaries
    own |= {known.modified: "DATE" for known in site.known.values()}

    def without(text: str) -> str:
        for mine, placeholder in own.items():
            text = text.replace(mine, placeholder) if mine else text
        return text

    headers = sorted((name, without(value)) for name, value in answer.headers if name not in {"date", "x-request-id"})
    body = without(answer.body.decode("latin-1"))
    if answer["content-type"] in {"application/json", "application/problem+json"}:
        # Ids and etags differ in length: members are compared, not their values.
        headers = [(name, value) for name, value in headers if name not in {"content-length", "location"}]
        body = " ".join(re.findall(r'"(\w+)":', body))
    return answer.status, headers, body.encode("latin-1")


async def test_all_backends_answer_alike(sites: dict[str, Site]) -> None:
    differences: list[str] = []
    disk = sites["disk"]
    for name in BACKENDS[1:]:
        for row in READS:
            if row.method == "HEAD" and row.suffix == "/info":
                continue  # its length is that of a description, which has an id in it
            ours, theirs = await disk.read(row), await sites[name].read(row)
            if _comparable(ours, disk) != _comparable(theirs, sites[name]):
                differences.append(
                    f"{name}: {row.method} {row.target} [{row.headers}]: {ours.headers} {theirs.headers}"
                )
        answers = zip(OTHERS, await _others(disk), await _others(sites[name]), strict=True)
        for other, ours, theirs in answers:
            if other.method == "HEAD" or other.path == "/health":
                continue  # each tells of its own backend
            if _comparable(ours, disk)[:2] != _comparable(theirs, sites[name])[:2]:
                told = f"{ours.headers} {theirs.headers}"
                differences.append(f"{name}: {other.method} {other.path} [{other.headers}]: {told}")
    assert differences == []


def _nginx_problem_of(row: Read, answer: Answer) -> str | None:
    """Where nginx, which this is the answer of, does something else than the table says."""
    if row.nginx.startswith("-"):
        return None
    if row.nginx:
        said = int(row.nginx.partition(":")[0])
        if answer.status != said:
            return f"{answer.status}, not {said}"
        same = row.status == said and (row.status != HTTPStatus.PARTIAL_CONTENT or row.method == "HEAD")
        differs = "page" in row.nginx or "body" in row.nginx
        if same and not differs:
            return "it does the same: the table need not explain a difference"
        return None
    return _problem_of(row, answer)


async def test_nginx_does_the_same_but_where_the_table_argues(tmp_path: Path) -> None:
    program = nginx_program()
    if program is None:
        pytest.skip("no nginx")
    with nginx(program, tmp_path) as url:
        site = await Site.at(url, {name: f"/{name}" for name in (*FILES, GONE)})
        failures = await _failures(site, _nginx_problem_of)
        assert failures == [], "\n".join(failures)


def _is_mistaken(note: str, answer: Answer) -> bool:
    """Where httplint forbids what RFC 9110 demands."""
    several = answer["content-type"].startswith("multipart/byteranges")
    return (
        # 15.3.7.2: the head of a response with several parts must have none.
        (several and note.startswith("field-content-range: This response is partial"))
        # 12.5.3: a server that refuses a content coding ought to tell by it which ones it takes.
        or (answer.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE and '"Accept-Encoding" isn\'t valid' in note)
    )


def _lint(method: str, path: str, request: list[str], answer: Answer) -> list[str]:
    """What httplint finds wrong."""
    asked = HttpRequestLinter()
    asked.process_request_topline(method.encode(), f"http://127.0.0.1{path}".encode(), b"1.1")
    lines = (line.partition(":") for line in ["Host: 127.0.0.1", *request])
    asked.process_headers([(name.encode("latin-1"), value.strip().encode("latin-1")) for name, _, value in lines])
    linter = HttpResponseLinter(_related=asked, no_content=method == "HEAD" or answer.status == HTTPStatus.NOT_MODIFIED)
    linter.base_uri = f"http://127.0.0.1{path}"
    linter.process_response_topline(b"1.1", str(answer.status).encode(), b"")
    linter.process_headers([(name.encode(), value.encode("latin-1")) for name, value in answer.headers])
    linter.feed_content(answer.body)
    linter.finish_content(complete=True)
    bad = [f"{note.subject}: {note.summary}" for note in linter.notes if note.level == levels.BAD]
    return [note for note in bad if not _is_mistaken(note, answer)]


@pytest.mark.parametrize("backend", BACKENDS)
async def test_httplint_finds_nothing_bad(sites: dict[str, Site], backend: str) -> None:
    site = sites[backend]
    found: list[str] = []
    for row in READS:
        path, headers = site.paths[row.file] + row.suffix, site.known[row.file].filled(row.headers)
        bad = _lint(row.method, path, headers, await site.read(row))
        found += [f"{row.method} {row.target} [{row.headers}]: {note}" for note in bad]
    for other, answer in zip(OTHERS, await _others(site), strict=True):
        headers = other.headers.split(" | ") if other.headers else []
        found += [f"{other.method} {other.path}: {note}" for note in _lint(other.method, other.path, headers, answer)]
    assert found == [], "\n".join(found)
