"""What becomes of files that were stored, when the request fails all the same."""

import contextlib
from collections.abc import AsyncGenerator
from typing import override

import pytest
from fastapi import Request

from s3py_helper.entrypoints.http.limits.limits import Limits
from s3py_helper.entrypoints.http.uploads import arrival
from s3py_helper.entrypoints.http.uploads.arrival import Arrival, UploadSlots
from s3py_helper.entrypoints.http.uploads.intake import Uploads
from s3py_helper.entrypoints.http.uploads.raw import RawUpload
from s3py_helper.storage import StorageManager

FORM = b'--b\r\nContent-Disposition: form-data; name="%b"; filename="a.txt"\r\n\r\ncontent\r\n--b--\r\n'


@pytest.mark.parametrize(("field", "method"), [("file", "store_one"), ("files", "store_all")])
async def test_a_file_does_not_stay_when_closing_the_request_fails(
    monkeypatch: pytest.MonkeyPatch, field: str, method: str
) -> None:
    async def body(*_args: object, **_options: object) -> AsyncGenerator[bytes]:
        try:
            yield FORM % field.encode()
            yield b""
        finally:
            raise ConnectionError("gone")

    monkeypatch.setattr(arrival, "arriving_body", body)
    scope = {
        "type": "http",
        "client": ("127.0.0.1", 1),
        "headers": [(b"content-type", b"multipart/form-data; boundary=b")],
    }
    limits = Limits()
    async with StorageManager.in_memory() as manager:
        uploads = Uploads(Request(scope), manager.upload_service, limits, UploadSlots(limits), folder=None, bucket=None)
        with pytest.raises(ConnectionError, match="gone"):
            await getattr(uploads, method)()
        assert [file async for file in manager.list_service.list_files()] == []


class FailsAtItsEnd(Arrival):
    """A body that comes whole, and cannot be closed."""

    @override
    @contextlib.asynccontextmanager
    async def body(self) -> AsyncGenerator[AsyncGenerator[bytes]]:
        async def content() -> AsyncGenerator[bytes]:
            yield b"content"

        yield content()
        raise ConnectionError("gone")


@pytest.mark.parametrize("as_key", [False, True])
async def test_nor_does_one_that_is_the_body_itself(as_key: bool) -> None:
    headers = [(b"content-length", b"7"), *([(b"if-none-match", b"*")] if as_key else [])]
    request = Request({"type": "http", "client": ("127.0.0.1", 1), "headers": headers})
    limits = Limits()
    arrival = FailsAtItsEnd(request, limits, UploadSlots(limits))
    async with StorageManager.in_memory() as manager:
        upload = RawUpload(request, arrival, manager.upload_service, folder=None, bucket=None)
        with pytest.raises(ConnectionError, match="gone"):
            await upload.store("a.txt", as_key=as_key)
        assert [file async for file in manager.list_service.list_files()] == []
