"""What becomes of files that were stored, when the request fails all the same."""

from collections.abc import AsyncGenerator

import pytest
from fastapi import Request

from s3py_helper.entrypoints.http.limits.limits import Limits
from s3py_helper.entrypoints.http.uploads import arrival
from s3py_helper.entrypoints.http.uploads.arrival import UploadSlots
from s3py_helper.entrypoints.http.uploads.intake import Uploads
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
