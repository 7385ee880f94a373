"""Files that arrive as the body of a request, or in a form: which are refused before a byte is read, and what stays."""

import base64
import contextlib
import hashlib
from typing import Any

import pytest
from fastapi import HTTPException, Request
from fastapi.exceptions import RequestValidationError

from s3py_helper.domain.errors import (
    FileTooLargeException,
    InvalidArgumentException,
    InvalidFileTypeException,
    PreconditionFailedException,
    StorageException,
)
from s3py_helper.domain.file_type import FileTypeConfig
from s3py_helper.domain.validation import FileValidatorImpl
from s3py_helper.entrypoints.http.limits.errors import ServiceBusyException
from s3py_helper.entrypoints.http.limits.limits import Limits
from s3py_helper.entrypoints.http.uploads.arrival import SMALL_UPLOAD, Arrival, UploadSlots
from s3py_helper.entrypoints.http.uploads.body_digests import DigestMismatchException
from s3py_helper.entrypoints.http.uploads.form_errors import FormException
from s3py_helper.entrypoints.http.uploads.form_reader import MAX_UNUSED_BYTES
from s3py_helper.entrypoints.http.uploads.intake import Uploads
from s3py_helper.entrypoints.http.uploads.raw import RawUpload
from s3py_helper.storage import FileAttach, FileBasicInfo, StorageManager

pytestmark = pytest.mark.timeout(30)

NO_PROGRAMS = FileValidatorImpl(FileTypeConfig(blacklist=["exe"]))
LIMITS = Limits(concurrent_uploads=1, client_share=1, queue_timeout=0.01)


class Sender:
    """A client with a request.

    Attributes:
        unread: Pieces of the body that nobody has asked for.
    """

    def __init__(self, *pieces: bytes, **headers: str) -> None:
        self.unread = list(pieces)
        named = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
        self.request = Request({"type": "http", "client": ("127.0.0.1", 1), "headers": named}, self._receive)

    async def _receive(self) -> dict[str, object]:
        piece = self.unread.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(self.unread)}


async def stored(manager: StorageManager) -> list[FileBasicInfo]:
    return [await manager.info_service.get_file_info(file.file_id) async for file in manager.list_service.list_files()]


def raw(
    manager: StorageManager,
    sender: Sender,
    limits: Limits = LIMITS,
    *,
    slots: UploadSlots | None = None,
    folder: str | None = None,
    bucket: str | None = None,
) -> RawUpload:
    arrival = Arrival(sender.request, limits, slots or UploadSlots(limits))
    return RawUpload(sender.request, arrival, manager.upload_service, folder=folder, bucket=bucket)


@pytest.mark.parametrize(
    ("headers", "as_key", "kind", "status"),
    [
        ({"content_range": "bytes 0-4/9"}, False, InvalidArgumentException, None),
        ({"content_encoding": "gzip"}, False, HTTPException, 415),
        ({"content_encoding": "identity, br"}, False, HTTPException, 415),
        ({"if_match": "*"}, False, PreconditionFailedException, None),
        ({}, True, HTTPException, 428),
        ({"if_none_match": '"some-tag"'}, True, HTTPException, 428),
        ({"content_length": "11"}, False, FileTooLargeException, None),
        ({"content_md5": "no digest"}, False, InvalidArgumentException, None),
    ],
)
async def test_what_is_refused_for_its_headers_is_not_read(
    headers: dict[str, str], *, as_key: bool, kind: type[Exception], status: int | None
) -> None:
    sender = Sender(b"hello", **headers)
    async with StorageManager.in_memory() as manager:
        with pytest.raises(kind) as refused:
            await raw(manager, sender, Limits(max_file_size=10)).store("a.txt", as_key=as_key)
        assert await stored(manager) == []
    assert getattr(refused.value, "status_code", None) == status
    assert sender.unread == [b"hello"]


@pytest.mark.parametrize(("name", "kind"), [("a.exe", InvalidFileTypeException), ("a/b", InvalidArgumentException)])
@pytest.mark.parametrize("as_key", [False, True])
async def test_what_is_refused_for_its_name_is_not_read(
    name: str, kind: type[StorageException], *, as_key: bool
) -> None:
    sender = Sender(b"hello", if_none_match=" * ")
    async with StorageManager.in_memory(validator=NO_PROGRAMS) as manager:
        with pytest.raises(kind):
            await raw(manager, sender).store(name, as_key=as_key)
    assert sender.unread == [b"hello"]


@pytest.mark.parametrize(
    "headers", [{"content_encoding": "Identity"}, {"content_encoding": " "}, {"if_none_match": "*"}]
)
async def test_headers_that_ask_for_nothing_special_are_fine(headers: dict[str, str]) -> None:
    async with StorageManager.in_memory() as manager:
        await raw(manager, Sender(b"he", b"llo", **headers)).store("a.txt")
        [file] = await stored(manager)
        assert (file.file_name, file.file_size) == ("a.txt", 5)


async def test_a_file_goes_where_its_request_says() -> None:
    async with StorageManager.in_memory() as manager:
        attach = await raw(manager, Sender(b"hello"), folder="in/box", bucket="shelf").store("a.txt")
        assert "shelf/in/box/" in attach.file_id
        sender = Sender(b"hello", if_none_match="*")
        named = await raw(manager, sender, folder="in/box", bucket="shelf").store("a.txt", as_key=True)
        assert named.file_id.endswith("shelf/in/box/a.txt")
        sender = Sender(b"hello", if_none_match="*")
        with pytest.raises(PreconditionFailedException):
            await raw(manager, sender, folder="in/box", bucket="shelf").store("a.txt", as_key=True)
        assert sender.unread == [b"hello"]


@pytest.mark.parametrize(
    ("name", "headers", "file_name", "content_type"),
    [
        ("a.txt", {}, "a.txt", "text/plain"),
        ("a.txt", {"content_type": "Text/X-Own; charset=utf-8"}, "a.txt", "Text/X-Own; charset=utf-8"),
        ("a.txt", {"content_type": "application/octet-stream"}, "a.txt", "text/plain"),
        ("a.txt", {"content_disposition": 'attachment; filename="b.pdf"'}, "a.txt", "text/plain"),
        (None, {"content_disposition": 'attachment; filename="b.pdf"'}, "b.pdf", "application/pdf"),
        (None, {"content_disposition": "inline; filename*=UTF-8''%C3%A4.pdf"}, "ä.pdf", "application/pdf"),
    ],
)
async def test_name_and_type_come_from_where_they_are_known_best(
    name: str | None, headers: dict[str, str], file_name: str, content_type: str
) -> None:
    async with StorageManager.in_memory() as manager:
        attach = await raw(manager, Sender(b"hello", **headers)).store(name)
        assert (attach.file_name, attach.content_type) == (file_name, content_type)


@pytest.mark.parametrize(
    "headers", [{}, {"content_disposition": "attachment"}, {"content_disposition": 'attachment; filename="\xff"'}]
)
async def test_a_file_without_a_name_is_refused_unread(headers: dict[str, str]) -> None:
    sender = Sender(b"hello", **headers)
    async with StorageManager.in_memory() as manager:
        with pytest.raises(InvalidArgumentException, match="the file needs a name"):
            await raw(manager, sender).store()
    assert sender.unread == [b"hello"]


@pytest.mark.parametrize(
    ("length", "declared"),
    [("0", 0), ("65536", 65536), ("", None), ("-1", None), ("1e3", None), ("9" * 19, 10**19 - 1), ("9" * 20, None)],
)
def test_a_length_is_known_where_it_is_a_number(length: str, declared: int | None) -> None:
    arrival = Arrival(Sender(content_length=length).request, LIMITS, UploadSlots(LIMITS))
    assert arrival.declared == declared


def test_a_length_is_refused_that_holds_more_than_the_largest_file() -> None:
    limits = Limits(max_file_size=10)
    arrival = Arrival(Sender(content_length="15").request, limits, UploadSlots(limits))
    arrival.require_size(besides=5)
    with pytest.raises(FileTooLargeException, match="a request of 15 bytes") as refused:
        arrival.require_size(besides=4)
    assert refused.value.limit == 10
    Arrival(Sender().request, limits, UploadSlots(limits)).require_size()


@pytest.mark.parametrize(
    ("taken", "length", "waits"),
    [
        ("large", str(SMALL_UPLOAD), False),
        ("large", str(SMALL_UPLOAD + 1), True),
        ("large", "", True),
        ("small", str(SMALL_UPLOAD), True),
        ("small", "", False),
    ],
)
async def test_small_uploads_have_places_of_their_own(taken: str, length: str, *, waits: bool) -> None:
    slots = UploadSlots(LIMITS)
    place = getattr(slots, taken)
    await place.take("somebody")
    sender = Sender(b"hello", content_length=length)
    arrival = Arrival(sender.request, LIMITS, slots)
    with pytest.raises(ServiceBusyException) if waits else contextlib.nullcontext():
        async with arrival.body() as body:
            assert b"".join([chunk async for chunk in body]) == b"hello"
            assert slots.small.free + slots.large.free == 0
    place.release("somebody")
    assert (slots.small.free, slots.large.free) == (1, 1)


def digest_of(content: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(content).digest()).decode()}:"


@pytest.mark.parametrize("length", ["", "5"])
async def test_a_file_that_is_not_what_its_digest_says_does_not_stay(length: str) -> None:
    async with StorageManager.in_memory() as manager:
        sender = Sender(b"hello", content_digest=digest_of(b"other"), content_length=length)
        with pytest.raises(DigestMismatchException):
            await raw(manager, sender).store("a.txt")
        assert await stored(manager) == []


def form(*parts: tuple[str, str | None, bytes]) -> bytes:
    """A form of fields, with a file name or none, and their contents."""
    return b"".join(
        f'--b\r\nContent-Disposition: form-data; name="{field}"'.encode()
        + (b"" if name is None else f'; filename="{name}"'.encode())
        + b"\r\n\r\n"
        + content
        + b"\r\n"
        for field, name, content in parts
    )


END = b"--b--\r\n"


def uploads(
    manager: StorageManager, body: bytes, limits: Limits = LIMITS, *, folder: str | None = None, **headers: str
) -> Uploads:
    sender = Sender(
        *(body[at : at + 50] for at in range(0, len(body), 50)),
        content_type="multipart/form-data; boundary=b",
        **headers,
    )
    slots = UploadSlots(limits)
    return Uploads(sender.request, manager.upload_service, limits, slots, folder=folder, bucket=None)


async def test_the_file_of_a_form_is_stored_beside_whatever_else_it_has() -> None:
    body = form(("note", None, b"x" * 200), ("file", "a.txt", b"hello"), ("files", "b.txt", b"no")) + END
    async with StorageManager.in_memory() as manager:
        attach = await uploads(manager, body, folder="in").store_one()
        assert (attach.file_name, attach.file_size) == ("a.txt", 5)
        assert [file.file_id for file in await stored(manager)] == [attach.file_id]
        assert "/in/" in attach.file_id


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (form(("other", "a.txt", b"hello")) + END, RequestValidationError),
        (form(("file", None, b"hello")) + END, FormException),
        (form(("file", "a.txt", b"hello"), ("file", "b.txt", b"more")) + END, FormException),
        (form(("file", "a.txt", b"hello")), FormException),
        (form(("file", "a.txt", b"x" * 11)) + END, FileTooLargeException),
    ],
    ids=["no such field", "no file", "two of them", "cut off", "too large"],
)
async def test_a_form_that_does_not_have_one_file_leaves_none(body: bytes, kind: type[Exception]) -> None:
    async with StorageManager.in_memory(validator=FileValidatorImpl(max_file_size=10)) as manager:
        with pytest.raises(kind):
            await uploads(manager, body).store_one()
        assert await stored(manager) == []


async def test_what_is_sent_around_a_file_is_no_part_of_its_size() -> None:
    limits = Limits(max_file_size=10)
    body = form(("file", "a.txt", b"hello")) + END
    async with StorageManager.in_memory() as manager:
        await uploads(manager, body, limits, content_length=str(10 + MAX_UNUSED_BYTES)).store_one()
        with pytest.raises(FileTooLargeException):
            await uploads(manager, body, limits, content_length=str(11 + MAX_UNUSED_BYTES)).store_one()
        assert len(await stored(manager)) == 1


THREE = form(("files", "a.txt", b"hello"), ("files", "b.exe", b"no" * 60), ("files", "c.txt", b"good bye"))


async def test_of_files_that_belong_together_all_stay_or_none() -> None:
    async with StorageManager.in_memory(validator=NO_PROGRAMS) as manager:
        with pytest.raises(InvalidFileTypeException):
            await uploads(manager, THREE + END).store_all()
        assert await stored(manager) == []
        together = await uploads(manager, THREE.replace(b".exe", b".pdf") + END).store_all()
        assert [attach.file_name for attach in together] == ["a.txt", "b.pdf", "c.txt"]
        assert len(await stored(manager)) == 3


async def test_each_file_by_itself_has_its_own_outcome() -> None:
    async with StorageManager.in_memory(validator=NO_PROGRAMS) as manager:
        outcomes = await uploads(manager, THREE + END).store_each()
        assert [outcome.file_name for outcome in outcomes if isinstance(outcome, FileAttach)] == ["a.txt", "c.txt"]
        assert isinstance(outcomes[1], InvalidFileTypeException)
        assert sorted(str(file.file_name) for file in await stored(manager)) == ["a.txt", "c.txt"]


@pytest.mark.parametrize(
    ("body", "headers", "kind"),
    [
        (THREE, {}, FormException),
        (THREE + form(("files", None, b"text")) + END, {}, FormException),
        (THREE + END, {"content_digest": digest_of(b"other")}, DigestMismatchException),
    ],
    ids=["cut off", "not a file", "another body"],
)
@pytest.mark.parametrize("method", ["store_each", "store_all"])
async def test_a_form_that_fails_as_a_whole_leaves_no_file(
    body: bytes, headers: dict[str, Any], kind: type[Exception], method: str
) -> None:
    async with StorageManager.in_memory() as manager:
        with pytest.raises(kind):
            await getattr(uploads(manager, body, **headers), method)()
        assert await stored(manager) == []


@pytest.mark.parametrize("method", ["store_each", "store_all"])
async def test_a_form_without_files_is_refused(method: str) -> None:
    async with StorageManager.in_memory() as manager:
        with pytest.raises(RequestValidationError) as refused:
            await getattr(uploads(manager, form(("file", "a.txt", b"hello")) + END), method)()
        assert refused.value.errors()[0]["loc"] == ("body", "files")
