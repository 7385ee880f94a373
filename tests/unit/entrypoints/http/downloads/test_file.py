"""The whole of what is said of a file, and in how many round trips."""

import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from zlib import crc32

import pytest

from s3py_helper.application.download import DownloadService
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.errors import (
    FileNotFoundException,
    IntegrityException,
    InvalidRangeException,
    PreconditionFailedException,
)
from s3py_helper.domain.file_id import FileId
from s3py_helper.entrypoints.http.downloads.file_headers import Presentation
from s3py_helper.entrypoints.http.downloads.opened_file import SMALL_FILE
from s3py_helper.entrypoints.http.downloads.request_headers import reading_headers
from s3py_helper.testing import body_of
from tests.unit.application.watched import WatchedStore
from tests.unit.entrypoints.http.downloads.serving import CONTENT, Service, serving

pytestmark = pytest.mark.timeout(20)

ETAG = f'"{crc32(CONTENT):08x}-a"'
VERSION = {"etag": ETAG, "last-modified": "Mon, 06 May 2024 07:08:09 GMT", "cache-control": "private"}
DESCRIBED = VERSION | {
    "accept-ranges": "bytes",
    "content-disposition": 'attachment; filename="a.txt"',
    "content-type": "text/plain",
    "x-content-type-options": "nosniff",
}
WHOLE = DESCRIBED | {"content-length": "10"}
PART = DESCRIBED | {"content-length": "3", "content-range": "bytes 2-4/10"}
CRC32 = f"crc32=:{b64encode(crc32(CONTENT).to_bytes(4, 'big')).decode()}:"


def sha256(content: bytes) -> str:
    return f"sha-256=:{b64encode(hashlib.sha256(content).digest()).decode()}:"


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    async with serving() as service:
        yield service


async def test_a_file_takes_one_round_trip(service: Service) -> None:
    assert await service() == (200, WHOLE, CONTENT)
    assert dict(service.store.calls) == {"open": 1, "read": 1}


async def test_a_head_says_the_same_and_opens_nothing(service: Service) -> None:
    assert await service("HEAD") == (200, WHOLE, b"")
    assert await service("HEAD", range="bytes=2-4") == (200, WHOLE, b"")
    assert dict(service.store.calls) == {"info": 2}
    with pytest.raises(FileNotFoundException) as missing:
        await service("HEAD", "none")
    assert missing.value.operation == "download"


@pytest.mark.parametrize(
    ("asked", "content_range", "body"),
    [
        ("bytes=2-4", "bytes 2-4/10", b"234"),
        ("bytes=-3", "bytes 7-9/10", b"789"),
        ("bytes=-99", "bytes 0-9/10", CONTENT),
        ("bytes=9-", "bytes 9-9/10", b"9"),
        ("bytes=0-", "bytes 0-9/10", CONTENT),
        ("bytes=8-99", "bytes 8-9/10", b"89"),
        ("bytes=99-,1-2", "bytes 1-2/10", b"12"),
    ],
)
async def test_a_part_says_which_it_is(service: Service, asked: str, content_range: str, body: bytes) -> None:
    headers = DESCRIBED | {"content-range": content_range, "content-length": str(len(body))}
    assert await service(range=asked) == (206, headers, body)


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=-0", "bytes=10-,11-"])
async def test_a_part_that_is_not_there_is_refused_with_the_size(service: Service, asked: str) -> None:
    with pytest.raises(InvalidRangeException) as refused:
        await service(range=asked)
    assert refused.value.size == 10


@pytest.mark.parametrize("asked", ["bytes=-3", "bytes=0-1", "bytes=0-1,2000-2001"])
async def test_a_part_of_a_missing_file_is_missing(service: Service, asked: str) -> None:
    with pytest.raises(FileNotFoundException):
        await service(key="none", range=asked)


async def test_the_end_of_an_empty_file_is_all_of_it(service: Service) -> None:
    status, headers, body = await service(key="empty", range="bytes=-5")
    assert (status, headers["content-length"], body) == (200, "0", b"")
    assert "content-range" not in headers
    for asked in ("bytes=-0", "bytes=0-"):
        with pytest.raises(InvalidRangeException):
            await service(key="empty", range=asked)


async def test_several_parts_come_in_one_round_trip_after_the_description(service: Service) -> None:
    status, headers, body = await service(key="small", range="bytes=0-1,2000-2001", want_content_digest="sha-256=1")
    kind, _, boundary = headers.pop("content-type").partition("; boundary=")
    expected = b"".join(
        f"--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes {span}/{SMALL_FILE}\r\n\r\n".encode()
        + bytes(2)
        + b"\r\n"
        for span in ("0-1", "2000-2001")
    )
    assert kind == "multipart/byteranges"
    assert body.removeprefix(b"\r\n") == expected + f"--{boundary}--\r\n".encode()
    assert (status, headers["content-digest"], headers["content-length"]) == (206, sha256(body), str(len(body)))
    assert headers.keys() == DESCRIBED.keys() - {"content-type"} | {"content-digest", "content-length"}
    assert dict(service.store.calls) == {"info": 1, "open": 1, "read": 1}


async def test_a_file_that_is_replaced_between_description_and_parts_is_not_mixed(service: Service) -> None:
    class Replaced(WatchedStore):
        async def info(self, file_id: FileId) -> BlobInfo:
            return replace(await super().info(file_id), etag='"old"')

    service.store = Replaced(service.store)
    with pytest.raises(IntegrityException):
        await service(key="small", range="bytes=0-1,2000-2001")


@pytest.mark.parametrize(
    "headers",
    [{"if_none_match": ETAG}, {"if_none_match": f'"x", W/{ETAG}'}, {"if_modified_since": VERSION["last-modified"]}],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_what_the_client_has_is_not_sent_again(service: Service, method: str, headers: dict[str, str]) -> None:
    assert await service(method, **headers) == (304, VERSION, b"")
    assert dict(service.store.calls) == {"info": 1}


@pytest.mark.parametrize(
    "headers",
    [{"if_match": '"x"'}, {"if_unmodified_since": "Mon, 06 May 2024 07:08:08 GMT"}, {"if_match": f"W/{ETAG}"}],
)
async def test_another_version_is_not_sent(service: Service, headers: dict[str, str]) -> None:
    with pytest.raises(PreconditionFailedException) as refused:
        await service(**headers)
    assert (refused.value.operation, refused.value.file_id) == ("download", "s3:my-bucket/a")
    assert dict(service.store.calls) == {"info": 1}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"if_match": ETAG}, (206, PART, b"234")),
        ({"if_range": ETAG}, (206, PART, b"234")),
        ({"if_range": '"x"'}, (200, WHOLE, CONTENT)),
        ({"if_range": f"W/{ETAG}"}, (200, WHOLE, CONTENT)),
        ({"if_none_match": '"x"'}, (206, PART, b"234")),
    ],
)
async def test_a_part_of_the_right_version_is_sent_and_else_all_of_it(
    service: Service, headers: dict[str, str], expected: tuple[int, dict[str, str], bytes]
) -> None:
    assert await service(range="bytes=2-4", **headers) == expected


async def test_digests_are_of_what_they_are_asked_for(service: Service) -> None:
    wanted = {"want_repr_digest": "crc32=1", "want_content_digest": "sha-256=1"}
    digests = {"repr-digest": CRC32, "content-digest": sha256(CONTENT)}
    assert await service(**wanted) == (200, WHOLE | digests, CONTENT)
    digests["content-digest"] = sha256(b"234")
    assert await service(range="bytes=2-4", **wanted) == (206, PART | digests, b"234")
    assert await service("HEAD", **wanted) == (200, WHOLE | {"repr-digest": CRC32}, b"")
    computed = {"repr-digest": sha256(CONTENT)}
    assert await service(want_repr_digest="sha-256=1") == (200, WHOLE | computed, CONTENT)
    assert await service(want_repr_digest="sha-256=1", range="bytes=2-4") == (206, PART, b"234")
    assert await service(want_repr_digest="sha-256=1", range="bytes=0-") == (
        206,
        DESCRIBED | computed | {"content-range": "bytes 0-9/10", "content-length": "10"},
        CONTENT,
    )


async def test_either_digest_may_be_asked_for_alone_and_no_file_is_held_in_memory_for_one(service: Service) -> None:
    assert await service(want_content_digest="sha-256=1") == (200, WHOLE | {"content-digest": sha256(CONTENT)}, CONTENT)
    assert await service(want_repr_digest="crc32=1") == (200, WHOLE | {"repr-digest": CRC32}, CONTENT)
    status, headers, body = await service(key="large", want_content_digest="sha-256=1")
    assert (status, len(body)) == (200, SMALL_FILE + 1)
    assert "content-digest" not in headers


async def test_conditions_in_several_lines_are_one_list() -> None:
    headers = [(b"if-none-match", b'"a"'), (b"host", b"x"), (b"if-none-match", b'"b"'), (b"range", b"bytes=0-1")]
    assert reading_headers({"headers": headers}) == {"if-none-match": '"a", "b"', "range": "bytes=0-1"}


@pytest.mark.parametrize("alone", [False, True])
async def test_bytes_are_asked_for_alone_where_nothing_else_is_told(
    service: Service, monkeypatch: pytest.MonkeyPatch, *, alone: bool
) -> None:
    asked: list[str] = []
    opening = DownloadService.open

    def open_bytes(self: DownloadService, *given: Any) -> Any:
        asked.append("bytes alone")
        return opening(self, *given)

    monkeypatch.setattr(DownloadService, "open_bytes", open_bytes)
    monkeypatch.setattr(Presentation, "bytes_alone", alone, raising=False)
    assert (await service())[2] == CONTENT
    assert asked == ["bytes alone"] * alone


@pytest.mark.parametrize(
    ("content_type", "inline", "shown"),
    [
        ("image/png", True, True),
        ("image/png", False, False),
        ("text/html", True, False),
        ("image/svg+xml", True, False),
    ],
)
async def test_only_what_cannot_run_is_shown_and_only_when_asked_for(
    service: Service, content_type: str, inline: bool, shown: bool
) -> None:
    service.kept.said = {"content_type": content_type, "content_encoding": "gzip"}
    await service.kept.write(NewBlob("a", "a.txt"), body_of(CONTENT))
    service.presentation = Presentation(inline=inline, file_name="b.txt", more_headers={"X-More": "1", "etag": '"own"'})
    expected = WHOLE | {
        "content-type": content_type,
        "content-encoding": "gzip",
        "content-disposition": f'{"inline" if shown else "attachment"}; filename="b.txt"',
        "x-more": "1",
        "etag": '"own"',
    }
    if shown:
        expected["content-security-policy"] = "sandbox"
    assert await service() == (200, expected, CONTENT)
