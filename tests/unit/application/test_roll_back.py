"""What a failed or cancelled upload had stored is deleted: at once if the backend responds, else in the background."""

import asyncio
import io
import time
from collections.abc import AsyncIterator

import pytest
from starlette.datastructures import UploadFile

from s3py_helper.application.background import PATIENCE
from s3py_helper.application.locator import Locator
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.application.ports.observer import Event, OperationBegan, OperationEnded, RollbackFailed
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.application.upload import UploadService
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.errors import FileNotFoundException, InvalidFileTypeException, StorageUnavailableException
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.file_type import FileTypeConfig
from s3py_helper.domain.validation import FileValidatorImpl
from s3py_helper.testing import FailingStore, Gate, body_of, leak_guard
from tests.support.cancelling import AT_MOST
from tests.support.recorder import Recorder as Operations
from tests.support.waiting import until
from tests.unit.application.conftest import Deployment

pytestmark = pytest.mark.timeout(60)

FILES = 100


class Recorder:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.failed: list[RollbackFailed] = []

    def notify(self, event: Event) -> None:
        if isinstance(event, RollbackFailed):
            self.failed.append(event)


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def locator(deployment: Deployment, recorder: Recorder) -> Locator:
    return Locator(deployment.locator.policy, deployment.locator.backends, observer=recorder)


@pytest.fixture
def uploads(locator: Locator) -> UploadService:
    return UploadService(locator, FileValidatorImpl(FileTypeConfig(blacklist=["exe"])), concurrent_files=8)


class Refused:
    """A file that is refused when all others of the batch are stored."""

    filename = "last.exe"
    size = None
    content_type = None

    def __init__(self, others_stored: asyncio.Event) -> None:
        self._others_stored = others_stored

    async def seek(self, _offset: int) -> None:
        await self._others_stored.wait()

    async def read(self, _size: int = -1) -> bytes:
        return b""


async def failing_batch(deployment: Deployment, uploads: UploadService) -> None:
    """A batch of which every file but the last one is stored."""
    stored = asyncio.Event()
    batch = [UploadFile(io.BytesIO(b"x"), filename=f"{number}.txt") for number in range(FILES)]
    work = asyncio.ensure_future(uploads.upload_files([*batch, Refused(stored)]))
    await until(lambda: len(deployment.kept_in_s3.file_ids) == FILES)
    stored.set()
    await work


async def test_all_of_a_batch_are_deleted_and_several_at_a_time(deployment: Deployment, uploads: UploadService) -> None:
    gates = [deployment.s3.hold("delete") for _ in range(FILES)]
    async with leak_guard():
        work = asyncio.ensure_future(failing_batch(deployment, uploads))
        await until(lambda: sum(gate.reached.is_set() for gate in gates) == 16)
        for gate in gates:
            gate.released.set()
        with pytest.raises(InvalidFileTypeException):
            await work
        assert not deployment.kept_in_s3.file_ids


@pytest.mark.slow
async def test_a_silent_backend_holds_the_caller_up_for_seconds_and_not_for_each_file(
    deployment: Deployment, locator: Locator, uploads: UploadService
) -> None:
    gates = [deployment.s3.hold("delete") for _ in range(FILES)]
    async with leak_guard():
        work = asyncio.ensure_future(failing_batch(deployment, uploads))
        await until(gates[0].reached.is_set)
        began = time.monotonic()
        with pytest.raises(InvalidFileTypeException):
            await work
        assert time.monotonic() - began < PATIENCE + AT_MOST
        assert len(deployment.kept_in_s3.file_ids) == FILES
        for gate in gates:
            gate.released.set()
        await locator.clean_up.aclose()
        assert not deployment.kept_in_s3.file_ids


async def test_a_cancelled_caller_is_let_go_and_everything_is_deleted_all_the_same(
    deployment: Deployment, uploads: UploadService
) -> None:
    gates = [deployment.s3.hold("delete") for _ in range(FILES)]
    async with leak_guard():
        work = asyncio.ensure_future(failing_batch(deployment, uploads))
        await until(gates[0].reached.is_set)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        for gate in gates:
            gate.released.set()
        await until(lambda: not deployment.kept_in_s3.file_ids)


async def test_a_cancelled_batch_is_deleted(deployment: Deployment, uploads: UploadService) -> None:
    gate = deployment.s3.hold("write", after_bytes=1)
    batch = [UploadFile(io.BytesIO(b"xy"), filename=f"{number}.txt") for number in range(6)]
    async with leak_guard():
        work = asyncio.ensure_future(uploads.upload_files(batch))
        await until(lambda: len(deployment.kept_in_s3.file_ids) == 5)
        assert gate.reached.is_set()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        assert not deployment.kept_in_s3.file_ids


async def test_what_cannot_be_deleted_is_reported_and_what_is_gone_is_not(
    deployment: Deployment, uploads: UploadService, recorder: Recorder
) -> None:
    stored = [await uploads.upload_bytes(name, b"x") for name in ("a.txt", "b.txt", "c.txt")]
    deployment.s3.fail("delete", StorageUnavailableException("down"))
    deployment.s3.fail("delete", FileNotFoundException("gone already"))
    await uploads.roll_back(stored)
    assert recorder.failed == [RollbackFailed("s3", f"the file {stored[0].file_id}", "down")]


async def test_a_deletion_is_reported_as_every_other(deployment: Deployment) -> None:
    seen = Operations()
    uploads = UploadService(Locator(deployment.locator.policy, deployment.locator.backends, observer=seen))
    attach = await uploads.upload_bytes("a.txt", b"x")
    seen.events.clear()
    await uploads.roll_back([attach])
    [began, ended] = seen.events
    assert began == OperationBegan("s3", "delete", attach.file_id)
    assert isinstance(ended, OperationEnded)
    assert (ended.operation, ended.file_id, ended.error) == ("delete", attach.file_id, None)


class TakesOneChunk(FailingStore):
    """A store that has enough with the first chunk, so that the source is closed before its end."""

    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        return await super().write(blob, body_of(await anext(body)))


@pytest.mark.parametrize("cancelled", [False, True])
async def test_a_file_whose_source_cannot_be_closed_does_not_stay_without_its_id(
    deployment: Deployment, locator: Locator, *, cancelled: bool
) -> None:
    closing = Gate()

    async def source() -> AsyncIterator[bytes]:
        try:
            yield b"abc"
        finally:
            await closing.passed()
            raise OSError("the caller's own")

    store = TakesOneChunk(deployment.s3)
    backends = {**locator.backends, Backend.S3: MountedBackend(store, store)}
    uploads = UploadService(Locator(locator.policy, backends))
    async with leak_guard():
        work = asyncio.ensure_future(uploads.upload_stream("a.txt", source()))
        await closing.reached.wait()
        assert len(deployment.kept_in_s3.file_ids) == 1
        if cancelled:
            work.cancel()
        else:
            closing.released.set()
        with pytest.raises(asyncio.CancelledError if cancelled else OSError):
            await work
        assert not deployment.kept_in_s3.file_ids
