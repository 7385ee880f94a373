"""Lists of files for archives: what they may hold in memory, for how long, and who is told what."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from typing import Any, cast

import pytest
from fastapi import Request
from fastapi.exceptions import RequestValidationError

from s3py_helper.application.zip.options import ZipOptions
from s3py_helper.domain.errors import FileTooLargeException, InvalidArgumentException
from s3py_helper.domain.files import FileDownload
from s3py_helper.entrypoints.http.downloads import archive as module
from s3py_helper.entrypoints.http.downloads.archive import PARSED_BYTES, SHORT_LIST, Archives
from s3py_helper.entrypoints.http.limits.errors import RequestTimedOutException, ServiceBusyException
from s3py_helper.entrypoints.http.limits.limits import Limits
from s3py_helper.entrypoints.http.limits.memory import MemoryBudget
from s3py_helper.storage import StorageManager

pytestmark = pytest.mark.timeout(30)

LIST = [{"file_id": "memory:files/a", "file_name": "a.txt"}, {"file_id": "memory:files/b"}]


def _request(
    *pieces: bytes, content_type: str = "application/json", client: str = "127.0.0.1", ends: bool = True
) -> Request:
    unread = list(pieces)

    async def receive() -> dict[str, object]:
        if not unread:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": unread.pop(0), "more_body": bool(unread) or not ends}

    headers = [(b"content-type", content_type.encode())]
    return Request({"type": "http", "client": (client, 1), "headers": headers}, receive)


def _long_list(size: int) -> bytes:
    """A list whose JSON has that many bytes."""
    text = json.dumps(LIST)
    return (text + " " * (size - len(text))).encode()


def _used(archives: Archives) -> int:
    memory: MemoryBudget = cast("Any", archives)._memory  # noqa: SLF001 - what is left shows to the next client alone
    return memory.used


@contextlib.asynccontextmanager
async def _requested(archives: Archives, request: Request) -> AsyncGenerator[list[FileDownload]]:
    async with contextlib.asynccontextmanager(archives.requested_files)(request) as files:
        yield files


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON ; charset=utf-8"])
async def test_a_list_is_read_in_whatever_pieces_it_comes(content_type: str) -> None:
    text = json.dumps(LIST).encode()
    async with _requested(Archives(Limits()), _request(text[:9], text[9:], content_type=content_type)) as files:
        assert files == [FileDownload(**entry) for entry in LIST]


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/jsonx", "multipart/form-data"])
async def test_what_is_said_to_be_no_json_is_not_read(content_type: str) -> None:
    with pytest.raises(InvalidArgumentException, match="expected a body of type application/json"):
        async with _requested(Archives(Limits()), _request(b"[]", content_type=content_type)):
            pytest.fail("it is no list")


@pytest.mark.parametrize("size", [0, SHORT_LIST + 1])
async def test_what_is_wrong_in_a_list_is_told_with_its_place_and_without_its_value(size: int) -> None:
    body = b'[{"file_id": "memory:files/a"}, {"file_id": 5}]'.ljust(size)
    archives = Archives(Limits())
    with pytest.raises(RequestValidationError) as refused:
        async with _requested(archives, _request(body)):
            pytest.fail("it is no list")
    [problem] = refused.value.errors()
    assert problem["loc"] == ("body", 1, "file_id")
    assert "input" not in problem
    assert "url" not in problem
    assert _used(archives) == 0


async def test_a_long_list_is_accounted_for_until_its_archive_has_ended() -> None:
    archives = Archives(Limits())
    size = SHORT_LIST + 1000
    body = _long_list(size)
    async with _requested(archives, _request(body[:66_000], body[66_000:])) as files:
        assert len(files) == 2
        assert _used(archives) == PARSED_BYTES * size
    assert _used(archives) == 0
    async with _requested(archives, _request(_long_list(SHORT_LIST))):
        assert _used(archives) == 0


async def test_a_client_that_leaves_takes_what_it_was_accounted_for_along() -> None:
    archives = Archives(Limits())
    reading = asyncio.ensure_future(anext(archives.requested_files(_request(_long_list(SHORT_LIST + 1), ends=False))))
    while not _used(archives):
        await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert _used(archives) == 0


async def test_lists_of_one_client_leave_memory_to_others() -> None:
    size = SHORT_LIST + 1
    archives = Archives(Limits(list_memory=4 * PARSED_BYTES * size, client_share=0.25))
    async with contextlib.AsyncExitStack() as held:
        for client in ("127.0.0.1", "127.0.0.2", "127.0.0.3"):
            await held.enter_async_context(_requested(archives, _request(_long_list(size), client=client)))
        with pytest.raises(ServiceBusyException, match="lists of files of this client take all"):
            await held.enter_async_context(_requested(archives, _request(_long_list(size), client="127.0.0.1")))
        assert _used(archives) == 3 * PARSED_BYTES * size
    assert _used(archives) == 0


@pytest.mark.parametrize(("size", "fits"), [(80_000, True), (80_001, False)])
async def test_no_list_is_longer_than_what_one_client_may_hold(size: int, *, fits: bool) -> None:
    archives = Archives(Limits(list_memory=2 * PARSED_BYTES * 80_000))
    with contextlib.nullcontext() if fits else pytest.raises(FileTooLargeException) as refused:
        async with _requested(archives, _request(_long_list(size))) as files:
            assert len(files) == 2
    if refused is not None:
        assert refused.value.limit == 80_000
        assert "the list of files has more than 80000 bytes" in str(refused.value)


async def test_no_list_is_longer_than_32_mib_whatever_memory_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert module.MAX_LIST_BYTES == 32 * 1024 * 1024
    monkeypatch.setattr(module, "MAX_LIST_BYTES", 100)
    with pytest.raises(FileTooLargeException, match="more than 100 bytes"):
        async with _requested(Archives(Limits()), _request(_long_list(101))):
            pytest.fail("it is too long")


async def test_a_list_has_its_time_however_steadily_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LIST_TIMEOUTS", 0.01)
    archives = Archives(Limits(idle_timeout=5))
    with pytest.raises(RequestTimedOutException, match=r"the list of files has not come within 0\.05 s"):
        async with _requested(archives, _request(b"[", ends=False)):
            pytest.fail("it is not whole")
    assert _used(archives) == 0


async def test_archives_wait_for_a_place_before_anything_is_done_for_them() -> None:
    archives = Archives(Limits(concurrent_archives=1, client_share=1, queue_timeout=0.01))
    slots = cast("Any", archives)._slots  # noqa: SLF001 - held by another request
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async with StorageManager.in_memory() as manager:
        attach = await manager.upload_service.upload_bytes("a.txt", b"hello")
        files = [FileDownload(file_id=attach.file_id)]
        for taken in (True, False):
            if taken:
                await slots.take("somebody")
            request = _request(b"")
            response = archives.response(request, manager.download_service, files, ZipOptions())
            with (
                pytest.raises(ServiceBusyException, match="no place for archives")
                if taken
                else contextlib.nullcontext()
            ):
                await response({**request.scope, "method": "GET"}, request.receive, send)
            if taken:
                assert sent == []
                slots.release("somebody")
    headers = dict(sent[0]["headers"])
    content = b"".join(message.get("body", b"") for message in sent[1:])
    assert headers[b"content-type"] == b"application/zip"
    assert headers[b"content-disposition"] == b'attachment; filename="files.zip"'
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert int(headers.get(b"content-length", len(content))) == len(content)
    assert content.startswith(b"PK\x03\x04")
    assert slots.free == 1
