"""Several ranges in one request, and what must not be made of them."""

import asyncio
import os
import re

import httpx
import pytest

from s3py_helper.domain.errors import StorageUnavailableException
from s3py_helper.domain.range_set import MAX_RANGES
from s3py_helper.entrypoints.http.downloads.opened_file import SMALL_FILE
from tests.integration.service.conftest import Service
from tests.support.waiting import until

CONTENT = os.urandom(700_000)


@pytest.fixture
async def path(client: httpx.AsyncClient) -> str:
    answer = await client.post("/files/upload", files={"file": ("film.mp4", CONTENT, "video/mp4")})
    return f"/files/{answer.json()['file_id']}"


def _parts(answer: httpx.Response) -> dict[str, bytes]:
    """The bytes of each part by its range; the body is taken apart by its boundary and nothing else."""
    boundary = answer.headers["content-type"].partition("multipart/byteranges; boundary=")[2].encode()
    first, *parts, end = (b"\r\n" + answer.content).split(b"\r\n--" + boundary)
    assert (first, end) == (b"", b"--\r\n")
    found: dict[str, bytes] = {}
    for part in parts:
        head, _, content = part.partition(b"\r\n\r\n")
        told = re.fullmatch(rb"\r\nContent-Type: video/mp4\r\nContent-Range: bytes (\d+-\d+)/700000", head)
        assert told, head
        found[told[1].decode()] = content
    return found


@pytest.mark.parametrize(
    ("wanted", "spans"),
    [
        ("bytes=0-0,-1", [(0, 1), (699_999, 700_000)]),
        ("bytes=600000-600009,5-9", [(5, 10), (600_000, 600_010)]),
        ("bytes=0-299999,400000-", [(0, 300_000), (400_000, 700_000)]),
        ("bytes=0-9,20-29,1000-1009,999999-", [(0, 30), (1000, 1010)]),
    ],
)
async def test_several_ranges_give_several_parts(
    client: httpx.AsyncClient, path: str, wanted: str, spans: list[tuple[int, int]]
) -> None:
    answer = await client.get(path, headers={"Range": wanted})
    assert answer.status_code == 206
    assert "content-range" not in answer.headers
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["etag"] == (await client.head(path)).headers["etag"]
    assert _parts(answer) == {f"{start}-{stop - 1}": CONTENT[start:stop] for start, stop in spans}


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("bytes=5-9,999999-", 5, 10),
        ("bytes=0-99,50-149", 0, 150),
        ("bytes=0-99,100-199", 0, 200),
        ("bytes=100-199,0-99", 0, 200),
        ("bytes=0-,-1", 0, 700_000),
    ],
)
async def test_one_part_that_is_left_is_sent_alone(
    client: httpx.AsyncClient, path: str, wanted: str, start: int, stop: int
) -> None:
    answer = await client.get(path, headers={"Range": wanted})
    assert (answer.status_code, answer.headers["content-type"]) == (206, "video/mp4")
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/700000"
    assert answer.content == CONTENT[start:stop]


async def test_none_that_is_left_is_refused(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers={"Range": "bytes=700000-,999999-999999,-0"})
    assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */700000")


async def test_conditions_are_judged_before_ranges(client: httpx.AsyncClient, path: str) -> None:
    ranges = {"Range": "bytes=0-0,-1"}
    etag = (await client.head(path)).headers["etag"]
    assert (await client.get(path, headers={**ranges, "If-None-Match": etag})).status_code == 304
    assert (await client.get(path, headers={**ranges, "If-Match": '"other"'})).status_code == 412
    assert (await client.get(path, headers={**ranges, "If-Range": etag})).status_code == 206
    whole = await client.get(path, headers={**ranges, "If-Range": '"other"'})
    assert (whole.status_code, whole.content) == (200, CONTENT)


async def test_many_tiny_ranges_cost_one_reading(service: Service, client: httpx.AsyncClient, path: str) -> None:
    tiny = ",".join(f"{at}-{at}" for at in range(0, 1000 * MAX_RANGES, 1000))
    before = service.store.calls["open"]
    answer = await client.get(path, headers={"Range": f"bytes={tiny}"})
    assert (answer.status_code, len(_parts(answer))) == (206, MAX_RANGES)
    assert service.store.calls["open"] == before + 1
    answer = await client.get(path, headers={"Range": f"bytes={tiny},699999-"})
    assert (answer.status_code, answer.content) == (200, CONTENT)


async def test_the_last_bytes_of_an_empty_file_are_all_of_it(client: httpx.AsyncClient) -> None:
    file_id = (await client.post("/files/upload", files={"file": ("a.txt", b"")})).json()["file_id"]
    whole = await client.get(f"/files/{file_id}", headers={"Range": "bytes=-5"})
    assert (whole.status_code, whole.headers["content-length"]) == (200, "0")
    for refused in ("bytes=0-", "bytes=-0", "bytes=0-0,1-1"):
        answer = await client.get(f"/files/{file_id}", headers={"Range": refused})
        assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */0")


@pytest.mark.parametrize("wanted", ["bytes=0-0,-1", f"bytes=0-{SMALL_FILE},-1"], ids=["small", "large"])
async def test_a_failure_before_the_first_part_is_a_problem(
    service: Service, client: httpx.AsyncClient, path: str, wanted: str
) -> None:
    service.store.fail("open", StorageUnavailableException("away"))
    answer = await client.get(path, headers={"Range": wanted})
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    assert (await client.get(path)).content == CONTENT


async def test_a_failure_in_the_second_part_cuts_the_connection(
    service: Service, client: httpx.AsyncClient, path: str
) -> None:
    first = service.store.hold("read")
    service.store.fail("read", StorageUnavailableException("away"), after_bytes=200_000)
    first.released.set()
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get(path, headers={"Range": "bytes=0-299999,400000-"})
    assert (await client.get(path)).content == CONTENT


async def test_a_client_that_leaves_between_parts_leaves_nothing_open(
    service: Service, client: httpx.AsyncClient, path: str
) -> None:
    gate = service.store.hold("read", after_bytes=100_000)
    async with client.stream("GET", path, headers={"Range": "bytes=0-299999,400000-"}) as answer:
        chunks = answer.aiter_raw()  # dropping it would close the connection
        await anext(chunks)
        await gate.reached.wait()
        await until(_listening)
    await until(lambda: not _listening())


def _listening() -> list[asyncio.Task[object]]:
    """Responses that look whether their client is still there; each has closed its source when it ends."""
    return [task for task in asyncio.all_tasks() if "_Client._until_left" in repr(task)]


async def test_digests_of_parts_and_wholes(client: httpx.AsyncClient, path: str) -> None:
    wish = {"Want-Content-Digest": "sha-256=1", "Want-Repr-Digest": "crc32=1"}
    one = await client.get(path, headers={**wish, "Range": "bytes=0-9"})
    several = await client.get(path, headers={**wish, "Range": "bytes=0-9,-10"})
    whole = await client.get(path, headers=wish)
    head = await client.head(path, headers=wish)
    assert [answer.headers["repr-digest"] for answer in (one, several, whole)] == [head.headers["repr-digest"]] * 3
    assert one.headers["content-digest"] != several.headers["content-digest"]
    assert "content-digest" not in whole.headers
    assert not {"repr-digest", "content-digest"} & (await client.get(path)).headers.keys()
