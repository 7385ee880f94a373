"""Whatever a caller says of a new file reaches the backend, whole and unchanged, by every way of uploading."""

import asyncio
import io
from array import array
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from starlette.datastructures import Headers, UploadFile

from s3py_helper.application.download import DownloadService
from s3py_helper.application.locator import Locator
from s3py_helper.application.upload import UploadService
from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.content_type import COMPARED_BYTES
from s3py_helper.domain.errors import (
    FileTypeMismatchException,
    InvalidArgumentException,
    PreconditionFailedException,
    RouteNotSupportedException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.files import FileAttach
from s3py_helper.domain.routing import RoutingPolicy, StorageMode
from s3py_helper.domain.signature import Signature
from s3py_helper.domain.validation import FileValidatorImpl
from tests.support.waiting import until
from tests.unit.application.conftest import Deployment
from tests.unit.application.watched import Told

CONTENT = b"%PDF-1.7 and so on"
WHERE: dict[str, Any] = {"folder": "a/b", "bucket": "other-bucket", "metadata": {"author": "Zoë"}}
KEY = "a/b/report.pdf"


async def chunks() -> AsyncIterator[bytes]:
    yield CONTENT[:10]
    yield CONTENT[10:]


def form_file() -> UploadFile:
    headers = Headers({"content-type": "text/x-own"})
    return UploadFile(io.BytesIO(CONTENT), size=len(CONTENT), filename="report.pdf", headers=headers)


async def by_bytes(uploads: UploadService, _here: Path, **said: Any) -> FileAttach:
    return await uploads.upload_bytes("report.pdf", CONTENT, content_type="text/x-own", **said)


async def by_stream(uploads: UploadService, _here: Path, **said: Any) -> FileAttach:
    return await uploads.upload_stream("report.pdf", chunks(), len(CONTENT), content_type="text/x-own", **said)


async def by_path(uploads: UploadService, here: Path, **said: Any) -> FileAttach:
    (here / "own.pdf").write_bytes(CONTENT)
    return await uploads.upload_path(here / "own.pdf", "report.pdf", content_type="text/x-own", **said)


async def by_form(uploads: UploadService, _here: Path, **said: Any) -> FileAttach:
    return await uploads.upload_file(form_file(), **said)


async def by_forms(uploads: UploadService, _here: Path, **said: Any) -> FileAttach:
    [attach] = await uploads.upload_files([form_file()], **said)
    return attach


async def by_key(uploads: UploadService, _here: Path, **said: Any) -> FileAttach:
    return await uploads.create("report.pdf", chunks(), len(CONTENT), content_type="text/x-own", **said)


async def by_key_from_memory(uploads: UploadService, _here: Path, **said: Any) -> FileAttach:
    return await uploads.create("report.pdf", bytearray(CONTENT), content_type="text/x-own", **said)


WAYS = (by_bytes, by_stream, by_path, by_form, by_forms, by_key, by_key_from_memory)


@pytest.mark.parametrize("way", WAYS)
async def test_an_upload_passes_everything_on_and_tells_everything(
    deployment: Deployment, able: Locator, tmp_path: Path, way: Callable[..., Awaitable[FileAttach]]
) -> None:
    told = Told()
    attach = await way(UploadService(able), tmp_path, **WHERE, progress=told)
    [blob] = deployment.s3.written
    assert deployment.s3.declared == [len(CONTENT)]
    by_its_key = way in {by_key, by_key_from_memory}
    assert blob.key == KEY if by_its_key else blob.key.startswith("a/b/") and blob.key.endswith("_report.pdf")
    assert blob == NewBlob(
        blob.key, "report.pdf", WHERE["bucket"], "text/x-own", size=len(CONTENT), metadata=WHERE["metadata"]
    )
    crc = f"{crc32(CONTENT):08x}"
    assert attach == FileAttach(
        file_id=f"s3:other-bucket/{blob.key}",
        file_name="report.pdf",
        file_size=len(CONTENT),
        content_type="text/x-own",
        etag=f'"{crc}-{len(CONTENT):x}"',
        checksum=f"crc32:{crc}",
    )
    assert told[-1] == (len(CONTENT), None if way is by_forms else len(CONTENT))
    assert await DownloadService(able).download_bytes(attach.file_id) == CONTENT


async def test_an_upload_of_unknown_size_is_described_as_such_and_guessed_by_name_or_bytes(
    deployment: Deployment, able: Locator
) -> None:
    uploads = UploadService(able)
    await uploads.upload_stream("scan", chunks())
    await uploads.upload_stream("notes.txt", chunks())
    await uploads.create("scan", chunks())
    assert [(blob.size, blob.content_type, blob.bucket, dict(blob.metadata)) for blob in deployment.s3.written] == [
        (None, "application/pdf", None, {}),
        (None, "text/plain", None, {}),
        (None, "application/pdf", None, {}),
    ]


async def test_a_name_that_is_given_is_not_replaced_by_that_on_the_disk(able: Locator, tmp_path: Path) -> None:
    (tmp_path / "own.pdf").write_bytes(CONTENT)
    with pytest.raises(InvalidArgumentException):
        await UploadService(able, FileValidatorImpl()).upload_path(tmp_path / "own.pdf", "")


class Known:
    """Knows one signature, and notes which bytes it was asked about."""

    def __init__(self, *signatures: Signature) -> None:
        self.seen: list[bytes] = []
        self._signatures = signatures

    def of(self, first_bytes: bytes) -> list[Signature]:
        self.seen.append(first_bytes)
        return list(self._signatures)


@pytest.mark.parametrize("size", [100, COMPARED_BYTES, COMPARED_BYTES + 1])
@pytest.mark.parametrize("cut", [30, 5000])
async def test_the_beginning_of_a_file_is_compared_however_it_comes(
    deployment: Deployment, able: Locator, size: int, cut: int
) -> None:
    content = bytes(range(1, 251)) * (size // 250 + 1)
    content = content[:size]

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, size, cut):
            yield content[start : start + cut]

    known = Known(Signature("text/x-own", "own", 8))
    uploads = UploadService(able, signatures=known)
    attach = await uploads.upload_stream("a", pieces(), size)
    assert known.seen == [content[:COMPARED_BYTES]]
    assert attach.content_type == "text/x-own"
    assert await DownloadService(able).download_bytes(attach.file_id) == content


async def test_a_file_that_is_not_what_its_name_says_is_not_stored(deployment: Deployment, able: Locator) -> None:
    uploads = UploadService(able, signatures=Known())
    for name, said in (("a.png", None), ("a", "image/png")):
        with pytest.raises(FileTypeMismatchException) as refused:
            await uploads.upload_bytes(name, CONTENT, content_type=said)
        assert refused.value.file_name == name
    assert not deployment.s3.written
    assert (await uploads.upload_bytes("a.pdf", CONTENT)).content_type == "application/pdf"


class Closed:
    closed = True


class Iterating:
    def __aiter__(self) -> int:
        return 5


async def numbers() -> AsyncIterator[Any]:
    yield 72


@pytest.mark.parametrize(
    "source", ["text", None, io.StringIO("text"), Closed(), Iterating(), numbers(), io.FileIO(0, "w", closefd=False)]
)
async def test_what_is_no_source_is_refused_as_part_of_the_upload_and_with_its_name(able: Locator, source: Any) -> None:
    with pytest.raises(InvalidArgumentException) as refused:
        await UploadService(able).upload_stream("a.txt", source)
    assert (refused.value.operation, refused.value.file_name) == ("upload", "a.txt")


@pytest.mark.parametrize("size", [-1, "5", True, 2.0])
async def test_a_size_that_is_none_is_refused_by_every_way(deployment: Deployment, able: Locator, size: Any) -> None:
    uploads = UploadService(able)
    file = form_file()
    file.size = size
    for attempt in (
        lambda: uploads.upload_stream("a.txt", b"x", size),
        lambda: uploads.create("a.txt", b"x", size),
        lambda: uploads.upload_file(file),
        lambda: uploads.upload_files([file]),
    ):
        with pytest.raises(InvalidArgumentException, match="a file size is"):
            await attempt()
    with pytest.raises(InvalidArgumentException, match="a file size is"):
        uploads.require_acceptable("a.txt", size)
    assert not deployment.s3.written


async def test_a_batch_is_stored_sixteen_at_a_time(deployment: Deployment, able: Locator) -> None:
    gate = deployment.s3.hold("write", times=20)
    async with asyncio.TaskGroup() as group:
        work = group.create_task(UploadService(able).upload_files([form_file() for _ in range(20)]))
        await until(lambda: deployment.s3.calls["write"] == 16)
        for _ in range(5):
            await asyncio.sleep(0)
        assert deployment.s3.calls["write"] == 16
        gate.released.set()
    assert len(work.result()) == 20


class TestChosenKeys:
    @pytest.mark.parametrize("size", [2, 4])
    async def test_a_declared_size_holds_for_bytes_in_memory_too(
        self, deployment: Deployment, able: Locator, size: int
    ) -> None:
        with pytest.raises(InvalidArgumentException, match="declared"):
            await UploadService(able).create("a.txt", b"abc", size)
        assert not deployment.kept_in_s3.file_ids

    async def test_the_size_of_bytes_in_memory_is_counted_in_bytes(self, deployment: Deployment, able: Locator) -> None:
        attach = await UploadService(able).create("a.txt", memoryview(array("I", [1, 2, 3])))
        assert deployment.s3.declared == [attach.file_size] == [array("I").itemsize * 3]

    async def test_what_is_there_already_stays_and_nothing_is_read_of_the_new(
        self, deployment: Deployment, able: Locator
    ) -> None:
        uploads = UploadService(able)
        first = await uploads.create("a.txt", b"first", folder="a")
        begun = False

        async def second() -> AsyncIterator[bytes]:
            nonlocal begun
            begun = True
            yield b"second"

        with pytest.raises(PreconditionFailedException):
            await uploads.create("a.txt", second(), folder="a")
        assert not begun
        assert len(deployment.s3.written) == 1
        assert await DownloadService(able).download_bytes(first.file_id) == b"first"
        await uploads.create("a.txt", b"another", folder="b")

    async def test_another_may_come_between(self, deployment: Deployment, able: Locator) -> None:
        uploads = UploadService(able)

        async def overtaken() -> AsyncIterator[bytes]:
            yield b"late"
            await uploads.create("a.txt", b"first")

        with pytest.raises(PreconditionFailedException):
            await uploads.create("a.txt", overtaken())
        assert await DownloadService(able).download_bytes("s3:my-bucket/a.txt") == b"first"

    @pytest.mark.parametrize(
        ("arguments", "error"),
        [
            ({"file_name": "a/b"}, InvalidArgumentException),
            ({"folder": "../up"}, InvalidArgumentException),
            ({"bucket": "No Bucket"}, InvalidArgumentException),
            ({"file_size": -1}, InvalidArgumentException),
            ({"file_size": "5"}, InvalidArgumentException),
            ({"bucket": "another"}, RouteNotSupportedException),
            ({"folder": "out"}, RouteNotSupportedException),
            ({"folder": "in", "file_name": "kept.pdf"}, RouteNotSupportedException),
        ],
    )
    async def test_what_would_be_refused_is_refused_before_anything_is_asked(
        self, deployment: Deployment, able: Locator, arguments: dict[str, Any], error: type[Exception]
    ) -> None:
        policy = RoutingPolicy(StorageMode.S3, buckets={"my-bucket"}, folders=("in/",))
        locator = Locator(policy, able.backends, relocation=Keeping("in/kept.pdf"))
        uploads = UploadService(locator, FileValidatorImpl())
        said: dict[str, Any] = {"file_name": "a.pdf", "folder": "in", **arguments}
        with pytest.raises(error):
            await uploads.require_creatable(**said)
        with pytest.raises(error):
            await uploads.create(stream=b"x", **said)
        assert not deployment.s3.calls

    async def test_a_key_is_free_or_taken_in_the_bucket_that_is_meant(self, able: Locator) -> None:
        uploads = UploadService(able)
        await uploads.create("a.txt", b"in the default bucket")
        await uploads.require_creatable("a.txt", bucket="other-bucket")
        await uploads.create("a.txt", b"in the other", bucket="other-bucket")
        for bucket in (None, "my-bucket", "other-bucket"):
            with pytest.raises(PreconditionFailedException):
                await uploads.require_creatable("a.txt", bucket=bucket)

    async def test_the_bucket_that_is_meant_by_none_must_be_served_too(
        self, deployment: Deployment, able: Locator
    ) -> None:
        policy = RoutingPolicy(StorageMode.S3, buckets={"other-bucket"})
        uploads = UploadService(Locator(policy, able.backends))
        with pytest.raises(RouteNotSupportedException, match="'my-bucket' is not served"):
            await uploads.create("a.txt", b"x")
        assert not deployment.s3.written
        assert (await uploads.create("a.txt", b"x", bucket="other-bucket")).file_id == "s3:other-bucket/a.txt"

    async def test_a_key_that_is_kept_for_a_file_that_moves_is_named(self, able: Locator) -> None:
        locator = Locator(able.policy, able.backends, relocation=Keeping("in/kept.pdf"))
        with pytest.raises(RouteNotSupportedException, match="is kept for a file that moves") as refused:
            await UploadService(locator).create("kept.pdf", b"x", folder="in")
        assert (refused.value.operation, refused.value.file_id) == ("upload", "s3:my-bucket/in/kept.pdf")

    async def test_a_backend_that_names_files_itself_says_so(self, deployment: Deployment) -> None:
        with pytest.raises(RouteNotSupportedException, match="under a key of the caller's choice"):
            await UploadService(deployment.locator).create("a.txt", b"x")


class Keeping:
    """One key is kept for a file of FastDFS that has moved there."""

    def __init__(self, key: str) -> None:
        self._key = key

    async def places(self, file_id: FileId) -> tuple[FileId, ...]:
        return (file_id,)

    def known_as(self, file_id: FileId) -> FileId | None:
        return FileId(Backend.FASTDFS, "group1", "M00/00/00/a.pdf") if file_id.key == self._key else file_id

    async def delete(self, file_id: FileId, delete_at: Callable[[FileId], Awaitable[None]]) -> None:
        await delete_at(file_id)
