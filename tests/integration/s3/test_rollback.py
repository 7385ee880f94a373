"""What is left of an upload that fails or is cancelled: nothing, sooner or later, whatever the server does."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.copying import S3Copy
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.adapters.s3.upload import rollback
from s3py_helper.application import background
from s3py_helper.application.ports.observer import RollbackFailed
from s3py_helper.domain.errors import AccessDeniedException, StorageException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import body_of, leak_guard, new_blob
from tests.support.recorder import Recorder
from tests.support.s3.pretend_s3 import PretendS3, Seen, Stored, pretend_s3, saying, silent
from tests.support.s3.scripted import error
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(60)

MIB = 1024 * 1024
PERF = S3PerfConfig(multipart_part_size=5 * MIB, multipart_threshold=5 * MIB, max_retries=0, operation_timeout=20)
SOURCE = FileId(Backend.S3, "tests", "source")

WAYS: dict[str, Callable[[Seen], bool]] = {
    "object": lambda seen: seen.method == "PUT" and not seen.query,
    "creation": lambda seen: seen.method == "POST" and "uploads" in seen.query,
    "part": lambda seen: seen.method == "PUT" and seen.query.get("partNumber") == "2",
    "completion": lambda seen: seen.method == "POST" and "uploadId" in seen.query,
    "copy": lambda seen: "x-amz-copy-source" in seen.headers and not seen.query,
    "copied part": lambda seen: "x-amz-copy-source" in seen.headers and seen.query.get("partNumber") == "2",
}


@pytest.fixture
async def s3() -> AsyncIterator[PretendS3]:
    async with pretend_s3() as server:
        server.objects["/tests/source"] = Stored(bytes(11 * MIB), {"ETag": '"x"'})
        yield server


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that is waited for by the clock comes soon."""
    monkeypatch.setattr(rollback, "GRACE_SECONDS", 0.05)
    monkeypatch.setattr("s3py_helper.adapters.s3.upload.stored_or_nothing.GRACE_SECONDS", 0.05)
    monkeypatch.setattr("s3py_helper.adapters.s3.upload.multipart_upload.GRACE_SECONDS", 0.05)


def left_of(s3: PretendS3) -> list[str]:
    return [path for path in s3.objects if path != "/tests/source"] + list(s3.uploads)


async def store_by(session: S3Session, way: str) -> object:
    if way == "object":
        return await S3BlobStore(session).write(new_blob(), body_of(b"x"))
    if way in {"creation", "part", "completion"}:
        return await S3BlobStore(session).write(new_blob(), body_of(bytes(11 * MIB)))
    copying = S3Copy(session, in_one_request=MIB if way == "copied part" else 20 * MIB, part_size=5 * MIB)
    return await copying.copy(SOURCE, new_blob())


def arrived(s3: PretendS3, way: str) -> Callable[[], bool]:
    return lambda: any(WAYS[way](seen) for seen in s3.requests)


async def cancelled(task: "asyncio.Task[object]") -> float:
    """Cancel it; gives the seconds until it had ended."""
    began = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return time.monotonic() - began


@pytest.mark.parametrize("way", WAYS)
async def test_cancelling_against_a_silent_server_returns_within_a_few_seconds(
    s3: PretendS3, recorder: Recorder, way: str
) -> None:
    enough = asyncio.Event()
    s3.plan(silent(enough), WAYS[way])
    s3.plan(silent(enough), lambda seen: bool(s3.requests) and arrived(s3, way)() and seen.method != "PUT", times=99)
    async with S3Session(s3.server.config(perf=PERF), recorder) as session:
        storing = asyncio.create_task(store_by(session, way))
        await until(arrived(s3, way))
        assert await cancelled(storing) < 5
        enough.set()
    # Closing the session has waited for the clean-up, which the server lets happen now.
    assert left_of(s3) == []
    assert recorder.of(RollbackFailed) == []


@pytest.mark.parametrize("way", WAYS)
async def test_cancelling_twice_returns_at_once_and_cleans_up_all_the_same(
    s3: PretendS3, recorder: Recorder, way: str
) -> None:
    enough = asyncio.Event()
    s3.plan(silent(enough), WAYS[way])
    s3.plan(silent(enough), lambda seen: seen.method == "DELETE", times=9)
    async with S3Session(s3.server.config(perf=PERF), recorder) as session:
        storing = asyncio.create_task(store_by(session, way))
        await until(arrived(s3, way))
        storing.cancel()
        await until(lambda: session.background.outstanding)
        assert await cancelled(storing) < 2
        enough.set()
    assert left_of(s3) == []
    assert recorder.of(RollbackFailed) == []


@pytest.mark.parametrize("way", ["object", "copy"])
async def test_an_object_whose_response_still_comes_is_deleted_and_not_looked_for_any_more(
    s3: PretendS3, recorder: Recorder, way: str
) -> None:
    enough = asyncio.Event()
    s3.plan(silent(enough), WAYS[way])
    async with S3Session(s3.server.config(perf=PERF), recorder) as session:
        storing = asyncio.create_task(store_by(session, way))
        await until(arrived(s3, way))
        storing.cancel()
        await until(lambda: session.background.outstanding)
        enough.set()
        with pytest.raises(asyncio.CancelledError):
            await storing
    put = next(number for number, seen in enumerate(s3.requests) if WAYS[way](seen))
    assert [seen.method for seen in s3.requests[put:]] == ["PUT", "DELETE"]
    assert left_of(s3) == []


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("way", ["object", "creation", "copy"])
async def test_what_a_server_does_long_after_it_was_given_up_is_found_and_removed(
    s3: PretendS3, recorder: Recorder, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = (0.2, 0.4, 0.8, 1.6)
    monkeypatch.setattr(rollback, "LOOKS_AFTER", looks)
    monkeypatch.setattr("s3py_helper.adapters.s3.upload.multipart_upload.LOOKS_AFTER", looks)
    tidied = asyncio.Event()

    async def late(server: PretendS3, seen: Seen) -> web.StreamResponse:
        # As a server does that was frozen: it reads what was sent long ago, and the sender is gone.
        obeying.append(asyncio.ensure_future(obey_later(server, seen)))
        await tidied.wait()
        return web.Response(status=500)

    async def obey_later(server: PretendS3, seen: Seen) -> None:
        await tidied.wait()
        await server.obey(seen)

    obeying: list[asyncio.Future[None]] = []

    s3.plan(late, WAYS[way])
    async with S3Session(s3.server.config(perf=PERF), recorder) as session:
        storing = asyncio.create_task(store_by(session, way))
        await until(arrived(s3, way))
        await cancelled(storing)
        await until(lambda: any(seen.method == "DELETE" or seen.query.get("prefix") for seen in s3.requests))
        tidied.set()
        await until(lambda: left_of(s3))
        await until(lambda: not left_of(s3))
    assert recorder.of(RollbackFailed) == []


@pytest.mark.usefixtures("soon")
async def test_closing_looks_once_more_and_does_not_wait_for_the_time(s3: PretendS3, recorder: Recorder) -> None:
    enough = asyncio.Event()
    s3.plan(silent(enough), WAYS["object"])
    began = time.monotonic()
    async with S3Session(s3.server.config(perf=PERF), recorder) as session:
        storing = asyncio.create_task(store_by(session, "object"))
        await until(arrived(s3, "object"))
        await cancelled(storing)
        await until(lambda: any(seen.method == "DELETE" for seen in s3.requests))
        key = next(seen.path for seen in s3.requests if seen.method == "PUT")
        s3.objects[key] = Stored(b"x", {"ETag": '"x"'})
        enough.set()
    assert time.monotonic() - began < rollback.LOOKS_AFTER[0]
    assert left_of(s3) == []


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("way", WAYS)
async def test_what_cannot_be_cleaned_up_is_reported_with_its_name(s3: PretendS3, recorder: Recorder, way: str) -> None:
    s3.plan(saying(lambda: web.Response(status=500), obey=True), WAYS[way])
    s3.plan(
        saying(lambda: error(403, "AccessDenied")), lambda seen: seen.method != "PUT" and arrived(s3, way)(), times=99
    )
    if way == "completion":
        s3.plan(saying(lambda: error(403, "AccessDenied")), lambda seen: seen.method == "HEAD", times=99)
    async with S3Session(s3.server.config(perf=PERF), recorder) as session:
        with pytest.raises(StorageException):
            await store_by(session, way)
    reports = recorder.of(RollbackFailed)
    assert reports
    keys = {path.removeprefix("/tests/") for path in [*s3.objects, *(path for path, *_ in s3.uploads.values())]}
    assert all(any(f"s3:tests/{key}" in report.what for key in keys - {"source"}) for report in reports)
    assert all("AccessDenied" in report.reason for report in reports)


async def test_what_appears_after_the_deletion_is_removed_when_no_response_was_certain(s3: PretendS3) -> None:
    s3.plan(saying(lambda: web.Response(status=500)), WAYS["object"])
    async with S3Session(s3.server.config(perf=PERF)) as session:
        with pytest.raises(StorageException):
            await store_by(session, "object")
        s3.objects[s3.requests[0].path] = Stored(b"x", {"ETag": '"x"'})
    assert left_of(s3) == []


async def test_uploads_of_longer_keys_are_left_alone(s3: PretendS3) -> None:
    s3.plan(saying(lambda: web.Response(status=500), obey=True), WAYS["creation"])
    async with S3Session(s3.server.config(perf=PERF)) as session:

        async def begin_another(server: PretendS3, seen: Seen) -> web.StreamResponse:
            server.uploads["another"] = (f"{s3.requests[0].path}.bak", {}, {})
            return await server.obey(seen)

        s3.plan(begin_another, lambda seen: seen.method == "GET")
        with pytest.raises(StorageException):
            await store_by(session, "creation")
    assert left_of(s3) == ["another"]


async def test_a_deletion_that_fails_is_tried_again_later(s3: PretendS3, recorder: Recorder) -> None:
    s3.plan(saying(lambda: web.Response(status=500), obey=True), WAYS["object"])
    s3.plan(saying(lambda: error(403, "AccessDenied")), lambda seen: seen.method == "DELETE")
    async with S3Session(s3.server.config(perf=PERF), recorder) as session:
        with pytest.raises(StorageException):
            await store_by(session, "object")
    assert left_of(s3) == []
    assert len(recorder.of(RollbackFailed)) == 1


@pytest.mark.parametrize("way", ["object", "copy"])
async def test_what_an_attempt_may_have_stored_before_the_refusal_is_removed(s3: PretendS3, way: str) -> None:
    s3.plan(saying(lambda: web.Response(status=500), obey=True), WAYS[way])
    s3.plan(saying(lambda: error(403, "AccessDenied")), WAYS[way])
    async with S3Session(s3.server.config(perf=PERF.model_copy(update={"max_retries": 1}))) as session:
        with pytest.raises(AccessDeniedException):
            await store_by(session, way)
    assert left_of(s3) == []


@pytest.mark.parametrize(("way", "status"), [("part", 403), ("object", 500)])
async def test_in_a_bucket_that_is_gone_there_is_nothing_to_clean_up(
    s3: PretendS3, recorder: Recorder, way: str, status: int
) -> None:
    s3.plan(saying(lambda: web.Response(status=status)), WAYS[way])
    s3.plan(
        saying(lambda: error(404, "NoSuchBucket")),
        lambda seen: seen.method == "HEAD" or (seen.method != "PUT" and arrived(s3, "part")()),
        times=99,
    )
    async with S3Session(s3.server.config(perf=PERF), recorder) as session:
        with pytest.raises(StorageException):
            await store_by(session, way)
    assert recorder.of(RollbackFailed) == []


async def test_an_upload_that_no_abort_removes_is_reported(
    s3: PretendS3, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[int] = []

    def no_pause(attempt: int) -> float:
        attempts.append(attempt)
        return 0.0

    monkeypatch.setattr("s3py_helper.adapters.s3.upload.multipart_upload.pause_before", no_pause)
    s3.plan(saying(lambda: error(400, "InvalidRequest")), WAYS["completion"])
    s3.plan(saying(lambda: web.Response(status=204)), lambda seen: seen.method == "DELETE", times=99)
    async with S3Session(s3.server.config(perf=PERF), recorder) as session:
        with pytest.raises(StorageException, match="InvalidRequest"):
            await store_by(session, "completion")
    [report] = recorder.of(RollbackFailed)
    assert "still has the upload" in report.reason
    assert attempts == list(range(8))


async def test_an_upload_that_cannot_be_aborted_does_not_keep_its_object(s3: PretendS3, recorder: Recorder) -> None:
    s3.plan(saying(lambda: web.Response(status=500), obey=True), WAYS["completion"])
    s3.plan(
        saying(lambda: error(403, "AccessDenied")),
        lambda seen: seen.method in {"HEAD", "GET"} or (seen.method == "DELETE" and "uploadId" in seen.query),
        times=3,
    )
    async with S3Session(s3.server.config(perf=PERF), recorder) as session:
        with pytest.raises(StorageException):
            await store_by(session, "completion")
    assert left_of(s3) == []
    [report] = recorder.of(RollbackFailed)
    assert "AccessDenied" in report.reason


@pytest.mark.usefixtures("soon")
async def test_closing_gives_up_on_a_silent_server_within_its_bound(
    s3: PretendS3, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background.BackgroundCleanUp.aclose, "__kwdefaults__", {"within": 0.2})
    enough = asyncio.Event()
    s3.plan(silent(enough), lambda _seen: True, times=99)
    async with leak_guard():
        async with S3Session(s3.server.config(perf=PERF), recorder) as session:
            storing = asyncio.create_task(store_by(session, "object"))
            await until(arrived(s3, "object"))
            await cancelled(storing)
            began = time.monotonic()
        assert time.monotonic() - began < 5
    assert {report.reason for report in recorder.of(RollbackFailed)} == {"the session was closed before it was done"}
    enough.set()
