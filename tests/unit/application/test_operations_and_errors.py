"""What is reported of each operation, and what its errors say, whether somebody observes or nobody does."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Literal

import pytest

from s3py_helper.adapters.memory.store import MemoryBlobStore
from s3py_helper.application.delete import DeleteService
from s3py_helper.application.download import DownloadService
from s3py_helper.application.info import InfoService
from s3py_helper.application.links import LinkService
from s3py_helper.application.listing import ListService
from s3py_helper.application.located import Located
from s3py_helper.application.locator import Locator, Purpose
from s3py_helper.application.ports.backend import MountedBackend, required
from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.application.ports.observer import OperationBegan, OperationEnded
from s3py_helper.application.ports.relocation import NothingHasMoved
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.application.upload import UploadService
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import RouteNotSupportedException, StorageException, StorageUnavailableException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.routing import RoutingPolicy, StorageMode
from s3py_helper.testing import body_of
from tests.support.recorder import Recorder
from tests.unit.application.conftest import Deployment, Quiet
from tests.unit.application.watched import Told

FILE_ID = "s3:my-bucket/a.txt"
CONTENT = b"0123456789"

type Stage = Literal["write", "open", "read", "info", "delete", "list", "copy"]


async def upload(locator: Locator) -> None:
    await UploadService(locator).upload_bytes("new.txt", CONTENT)


async def create(locator: Locator) -> None:
    await UploadService(locator).create("new.txt", CONTENT)


async def download(locator: Locator) -> None:
    await DownloadService(locator).download_bytes(FILE_ID)


async def generate(locator: Locator) -> None:
    async for _ in DownloadService(locator).download_to_generator(FILE_ID):
        pass


async def open_and_read(locator: Locator) -> None:
    async with DownloadService(locator).open(FILE_ID) as opened:
        async for _ in opened.body:
            pass


async def info(locator: Locator) -> None:
    await InfoService(locator).get_file_info(FILE_ID)


async def find_backend(locator: Locator) -> None:
    await InfoService(locator).find_backend(FILE_ID)


async def delete(locator: Locator) -> None:
    await DeleteService(locator).delete_file(FILE_ID)


async def copy(locator: Locator) -> None:
    source = await locator.find(FILE_ID, Purpose.READ)
    target = NewBlob("copy.txt", "copy.txt", size=len(CONTENT))
    await locator.destination(None, target.key).copy(source, target)


async def list_files(locator: Locator) -> None:
    async for _ in ListService(locator).list_files():
        pass


async def list_page(locator: Locator) -> None:
    await ListService(locator).list_page()


async def link(locator: Locator) -> None:
    await LinkService(locator).download_link(FILE_ID)


@dataclass(frozen=True)
class Case:
    """A use case, and the operation that it is."""

    work: Callable[[Locator], Awaitable[None]]
    operation: str
    stages: tuple[Stage, ...]
    of_file: bool = True
    size: int | None = None

    def __str__(self) -> str:
        return self.work.__name__


SIZE = len(CONTENT)
CASES = (
    Case(upload, "upload", ("write",), of_file=False, size=SIZE),
    Case(create, "upload", ("write",), of_file=False, size=SIZE),
    Case(download, "download", ("open", "read"), size=SIZE),
    Case(generate, "download", ("open", "read"), size=SIZE),
    Case(open_and_read, "download", ("open", "read"), size=SIZE),
    Case(info, "info", ("info",)),
    Case(find_backend, "info", ("info",)),
    Case(delete, "delete", ("delete",)),
    Case(copy, "copy", ("copy",), size=SIZE),
    Case(list_files, "list", ("list",), of_file=False),
    Case(list_page, "list", ("list",), of_file=False),
    Case(link, "link", ()),
)
STAGES = [pytest.param(case, stage, id=f"{case}-{stage}") for case in CASES for stage in case.stages]


@pytest.fixture
async def with_file(deployment: Deployment, able: Locator) -> Locator:
    await deployment.kept_in_s3.write(NewBlob("a.txt", "a.txt"), body_of(CONTENT))
    return able


def seen_by(observer: Recorder, locator: Locator) -> Locator:
    return Locator(locator.policy, locator.backends, observer=observer)


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_every_operation_is_reported_once_with_what_it_moved(with_file: Locator, case: Case) -> None:
    observer = Recorder()
    await case.work(seen_by(observer, with_file))
    [began] = observer.of(OperationBegan)
    [ended] = observer.of(OperationEnded)
    assert observer.events == [began, ended]
    file_id = FILE_ID if case.of_file else None
    assert began == OperationBegan("s3", case.operation, file_id)
    assert 0 <= ended.seconds < 60
    assert ended == OperationEnded("s3", case.operation, file_id, ended.seconds, case.size)


@pytest.mark.parametrize("observer", [Recorder, Quiet])
@pytest.mark.parametrize(("case", "stage"), STAGES)
async def test_an_error_passes_unchanged_and_gets_the_facts_that_it_lacks(
    deployment: Deployment, with_file: Locator, case: Case, stage: Stage, observer: type[Recorder]
) -> None:
    seen, error = observer(), StorageUnavailableException("down")
    deployment.s3.fail(stage, error)
    with pytest.raises(StorageException) as failed:
        await case.work(seen_by(seen, with_file))
    assert failed.value is error
    assert (error.operation, error.backend) == (case.operation, "s3")
    assert error.file_id == (FILE_ID if case.of_file else None)
    if observer is Recorder:
        [ended] = seen.of(OperationEnded)
        assert (ended.error, ended.cancelled) == (error, False)
        assert len(seen.of(OperationBegan)) == 1
    else:
        assert not seen.events
    assert len(deployment.kept_in_s3.file_ids) == 1


@pytest.mark.parametrize("observer", [Recorder, Quiet])
@pytest.mark.parametrize(("case", "stage"), STAGES)
async def test_an_error_keeps_the_facts_that_it_has(
    deployment: Deployment, with_file: Locator, case: Case, stage: Stage, observer: type[Recorder]
) -> None:
    error = StorageUnavailableException("down", operation="its own", backend="another", file_id="another:a")
    deployment.s3.fail(stage, error)
    with pytest.raises(StorageException):
        await case.work(seen_by(observer(), with_file))
    assert (error.operation, error.backend, error.file_id) == ("its own", "another", "another:a")
    error.file_id = None
    deployment.s3.fail(stage, error)
    with pytest.raises(StorageException):
        await case.work(seen_by(observer(), with_file))
    assert error.file_id == (FILE_ID if case.of_file else None)


@pytest.mark.parametrize("observer", [Recorder, Quiet])
@pytest.mark.parametrize(("case", "stage"), STAGES)
async def test_a_defect_is_not_taken_for_an_error_of_storage(
    deployment: Deployment, with_file: Locator, case: Case, stage: Stage, observer: type[Recorder]
) -> None:
    seen, defect = observer(), KeyError("a defect")
    deployment.s3.fail(stage, defect)
    with pytest.raises(KeyError) as failed:
        await case.work(seen_by(seen, with_file))
    assert failed.value is defect
    assert not vars(defect)
    assert [(ended.error, ended.cancelled) for ended in seen.of(OperationEnded)] == (
        [(None, False)] if observer is Recorder else []
    )


@pytest.mark.parametrize("observer", [Recorder, Quiet])
@pytest.mark.parametrize(("case", "stage"), STAGES)
async def test_a_cancelled_operation_ends_as_such_and_leaves_nothing(
    deployment: Deployment, with_file: Locator, case: Case, stage: Stage, observer: type[Recorder]
) -> None:
    seen, gate = observer(), deployment.s3.hold(stage)
    work = asyncio.ensure_future(case.work(seen_by(seen, with_file)))
    await asyncio.wait_for(gate.reached.wait(), 10)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert [(ended.error, ended.cancelled) for ended in seen.of(OperationEnded)] == (
        [(None, True)] if observer is Recorder else []
    )
    assert len(deployment.kept_in_s3.file_ids) == 1


async def begin_to_read(located: Located, error: StorageException) -> None:
    """A reader that fails itself."""
    async with located.open() as blob:
        await anext(aiter(blob.body))
        raise error


async def test_an_opened_file_whose_reader_fails_is_closed_and_the_failure_reported(
    deployment: Deployment, with_file: Locator
) -> None:
    for observer in (Recorder(), Quiet()):
        error = StorageException("the reader's own")
        located = await seen_by(observer, with_file).find(FILE_ID, Purpose.READ)
        with pytest.raises(StorageException) as failed:
            await begin_to_read(located, error)
        assert failed.value is error
        assert (error.operation, error.backend, error.file_id) == ("download", "s3", FILE_ID)
        assert [ended.error for ended in observer.of(OperationEnded)] in ([error], [])
        assert deployment.s3.held == 0


class ToldOfErrors(MemoryBlobStore):
    """A store that notes with which error the block around an opened file ends."""

    def __init__(self) -> None:
        super().__init__(Backend.S3, "my-bucket")
        self.errors: list[BaseException] = []

    @asynccontextmanager
    async def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AsyncGenerator[OpenBlob]:
        async with super().open(file_id, byte_range) as blob:
            try:
                yield replace(blob, pieces=blob.body)
            except BaseException as error:
                self.errors.append(error)
                raise


async def test_a_store_learns_with_which_error_a_file_is_left() -> None:
    async with ToldOfErrors() as store:
        await store.write(NewBlob("a.txt", "a.txt"), body_of(CONTENT))
        locator = Locator(RoutingPolicy(StorageMode.S3), {Backend.S3: MountedBackend(store, store)})
        error = StorageException("the reader's own")
        with pytest.raises(StorageException):
            await begin_to_read(await locator.find(FILE_ID, Purpose.READ), error)
        assert store.errors == [error]
        chunks = DownloadService(locator).download_to_generator(FILE_ID)
        await anext(chunks)
        await chunks.aclose()
        assert [type(error) for error in store.errors[1:]] == [GeneratorExit]


class NowUnderAnotherId(NothingHasMoved):
    """An id that leads to another."""

    async def places(self, _file_id: FileId) -> tuple[FileId, ...]:
        return (FileId.parse(FILE_ID),)


async def test_a_file_that_moved_can_be_sent_from_where_it_lies() -> None:
    async with ToldOfErrors() as store:
        await store.write(NewBlob("a.txt", "a.txt"), body_of(CONTENT))
        backends: dict[str, MountedBackend] = {Backend.S3: MountedBackend(store, store)}
        for relocation in (None, NothingHasMoved(), NowUnderAnotherId()):
            locator = Locator(RoutingPolicy(StorageMode.S3), backends, relocation=relocation)
            async with DownloadService(locator).open(FILE_ID) as opened:
                assert opened.pieces is not None
                assert [piece async for piece in opened.pieces] == [CONTENT]
            async with DownloadService(locator).open(FILE_ID, progress=Told()) as opened:
                assert opened.pieces is None, "nobody would be told of them"


async def test_of_a_part_the_bytes_of_that_part_are_reported(with_file: Locator) -> None:
    observer = Recorder()
    await DownloadService(seen_by(observer, with_file)).download_bytes(FILE_ID, byte_range=ByteRange(2, 4))
    assert [ended.size for ended in observer.of(OperationEnded)] == [3]


class Bare(MemoryBlobStore):
    """A store whose errors have no facts but their own."""

    error: StorageException

    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        raise self.error

    async def info(self, file_id: FileId) -> BlobInfo:
        raise self.error

    async def delete(self, file_id: FileId) -> None:
        raise self.error

    def open(  # type: ignore[override]  # any context does
        self, file_id: FileId, byte_range: ByteRange | None = None
    ) -> AbstractAsyncContextManager[OpenBlob]:
        raise self.error


@pytest.mark.parametrize("observer", [Recorder, Quiet])
@pytest.mark.parametrize("moving", [False, True])
@pytest.mark.parametrize("case", [case for case in CASES if case.work in {upload, download, info, delete}], ids=str)
async def test_a_store_need_not_say_what_was_asked_of_it(case: Case, observer: type[Recorder], *, moving: bool) -> None:
    async with Bare(Backend.S3, "my-bucket") as store:
        store.error = error = StorageUnavailableException("down")
        seen = observer()
        locator = Locator(
            RoutingPolicy(StorageMode.S3),
            {Backend.S3: MountedBackend(store, store)},
            observer=seen,
            relocation=NothingHasMoved() if moving else None,
        )
        with pytest.raises(StorageUnavailableException):
            await case.work(locator)
        assert (error.operation, error.backend) == (case.operation, "s3")
        assert error.file_id == (FILE_ID if case.of_file else None)
        assert [ended.error for ended in seen.of(OperationEnded)] == ([error] if observer is Recorder else [])
        assert len(seen.events) == (2 if observer is Recorder else 0)


class Unclosable(MemoryBlobStore):
    """A store whose files break off when they are closed."""

    error: BaseException

    @asynccontextmanager
    async def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AsyncGenerator[OpenBlob]:
        async with super().open(file_id, byte_range) as blob:
            yield blob
        raise self.error


@pytest.mark.parametrize("observer", [Recorder, Quiet])
async def test_an_error_of_closing_a_file_is_an_error_of_the_download(observer: type[Recorder]) -> None:
    async with Unclosable(Backend.S3, "my-bucket") as store:
        await store.write(NewBlob("a.txt", "a.txt"), body_of(CONTENT))
        seen = observer()
        locator = Locator(RoutingPolicy(StorageMode.S3), {Backend.S3: MountedBackend(store, store)}, observer=seen)
        for work in (download, generate, open_and_read):
            store.error = error = StorageUnavailableException("cut off")
            with pytest.raises(StorageUnavailableException) as failed:
                await work(locator)
            assert failed.value is error
            assert (error.operation, error.backend, error.file_id) == ("download", "s3", FILE_ID)
            assert [ended.error for ended in seen.of(OperationEnded)] == ([error] if observer is Recorder else [])
            seen.events.clear()


@pytest.mark.parametrize("observer", [Recorder, Quiet])
async def test_where_a_new_file_was_to_go_is_not_forgotten(
    deployment: Deployment, with_file: Locator, observer: type[Recorder]
) -> None:
    error = StorageUnavailableException("down", backend="s3", file_id="s3:my-bucket/new.txt")
    deployment.s3.fail("write", error)
    with pytest.raises(StorageUnavailableException):
        await upload(seen_by(observer(), with_file))
    assert (error.operation, error.file_id) == ("upload", "s3:my-bucket/new.txt")


@pytest.mark.parametrize("observer", [Recorder, Quiet])
async def test_a_copy_through_this_process_is_a_download_and_an_upload(
    deployment: Deployment, with_file: Locator, observer: type[Recorder]
) -> None:
    backends = {name: replace(backend, copying=None) for name, backend in with_file.backends.items()}
    seen = observer()
    locator = Locator(with_file.policy, backends, observer=seen)
    await copy(locator)
    assert [(ended.operation, ended.size, ended.error) for ended in seen.of(OperationEnded)] == (
        [("upload", SIZE, None), ("download", SIZE, None)] if observer is Recorder else []
    )
    error = StorageUnavailableException("no room", backend="s3")
    deployment.s3.fail("write", error)
    with pytest.raises(StorageUnavailableException):
        await copy(locator)
    assert error.operation == "upload"
    assert deployment.s3.held == 0


async def test_a_listing_that_is_left_early_is_reported_as_cancelled_and_closed(
    deployment: Deployment, with_file: Locator
) -> None:
    observer = Recorder()
    files = ListService(seen_by(observer, with_file)).list_files()
    await anext(files)
    assert deployment.s3.held == 1
    await files.aclose()
    assert deployment.s3.held == 0
    [ended] = observer.of(OperationEnded)
    assert (ended.operation, ended.cancelled, ended.error) == ("list", True, None)


async def test_an_operation_that_the_backend_cannot_do_is_reported_with_its_refusal(deployment: Deployment) -> None:
    observer = Recorder()
    with pytest.raises(RouteNotSupportedException) as refused:
        await LinkService(seen_by(observer, deployment.locator)).download_link(FILE_ID)
    assert [ended.error for ended in observer.of(OperationEnded)] == [refused.value]
    assert (refused.value.operation, refused.value.file_id) == ("link", FILE_ID)


def test_what_a_backend_lacks_is_said_with_its_name() -> None:
    with pytest.raises(RouteNotSupportedException, match="shelf cannot list files") as refused:
        required(None, "shelf", "list files")
    assert refused.value.backend == "shelf"
    assert required(0, "shelf", "list files") == 0


class Broken(Recorder):
    """A counter that is out of order."""

    def notify(self, event: object) -> None:
        raise RuntimeError(f"cannot count {event}")


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_an_observer_that_fails_stops_nothing(with_file: Locator, case: Case) -> None:
    await case.work(seen_by(Broken(), with_file))
