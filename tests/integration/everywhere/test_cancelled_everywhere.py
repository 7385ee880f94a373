"""Every use case, cancelled at each of its suspensions, on every backend and on servers that misbehave.

It ends within seconds, and once its clean-up is through nothing is left of it: no file, no part, no task, no place in a
pool, no descriptor.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from itertools import batched
from pathlib import Path

import pytest

from s3py_helper.application.ports.observer import RollbackFailed
from s3py_helper.domain.errors import RouteNotSupportedException, StorageException
from s3py_helper.storage import FileAttach
from s3py_helper.testing import leak_guard
from tests.support.s3.certificate import make_certificate
from tests.support.stages import BEHAVIOURS, Stage, descriptors, in_memory, on_disk, on_fastdfs, on_s3
from tests.support.suspensions import CancelledAt
from tests.support.use_cases import SMALL, USE_CASES, Files, UseCase
from tests.support.waiting import until

AT_MOST = 5.0
"""Seconds in which a cancelled use case returns, also where nobody answers."""

CLEAN_UP = 10.0
"""Seconds in which clean-up ends once the servers behave: a few of the timeouts that the stages set."""

PATIENCE = 1.0
"""Seconds after which a use case is cancelled although it has not come to the suspension where it was to be."""

MOST = 2000

SAMPLE = (1, 2, 4, 7, 12, 20)

AT_ONCE = 5
"""Use cases."""

pytestmark = pytest.mark.timeout(300)


def stage_on(backend: str, folder: Path, *, hurried: bool) -> AbstractAsyncContextManager[Stage]:
    match backend:
        case "memory":
            return in_memory()
        case "filesystem":
            return on_disk(folder)
        case "fastdfs":
            return on_fastdfs(hurried=hurried)
        case "s3 over TLS":
            return on_s3(make_certificate(folder), hurried=hurried)
        case _:
            return on_s3(None, hurried=hurried)


@pytest.fixture
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    """The backend of the test's parameter; when it is closed, everything that it opened is closed."""
    before = descriptors()
    misbehaving = "behaviour" in request.fixturenames
    async with stage_on(request.param, tmp_path, hurried=misbehaving) as stage:
        yield stage
    await until(lambda: descriptors() <= before)


@pytest.mark.parametrize("times", [1, 3], ids=["once", "again and again"])
@pytest.mark.parametrize("use_case", USE_CASES, ids=lambda use_case: use_case.__name__)
@pytest.mark.parametrize(
    "stage",
    [
        "memory",
        "filesystem",
        *(pytest.param(backend, marks=pytest.mark.slow) for backend in ("s3", "s3 over TLS", "fastdfs")),
    ],
    indirect=True,
)
async def test_at_each_suspension(stage: Stage, use_case: UseCase, times: int) -> None:
    files = await stored_files(stage)
    for nth in range(1, MOST):
        files = await with_doomed_file(stage, files)
        before = await stage.stored()
        if times > 1:
            stage.forget_connections()
        async with leak_guard(within=CLEAN_UP):
            reached, stored = await cancelled(stage, use_case, files, nth, times)
        await delete_all(stage, stored)
        await nothing_left(stage, before, files)
        if not reached:
            return
    pytest.fail(f"it suspends more than {MOST} times")


@pytest.mark.parametrize("stage", ["s3", "s3 over TLS", "fastdfs", "memory", "filesystem"], indirect=True)
@pytest.mark.parametrize("use_case", USE_CASES, ids=lambda use_case: use_case.__name__)
async def test_what_is_not_cancelled_succeeds(stage: Stage, use_case: UseCase) -> None:
    files = await with_doomed_file(stage, await stored_files(stage))
    with suppress(RouteNotSupportedException):  # not every backend lists its files
        await use_case(stage.manager, files)


@pytest.mark.parametrize("stage", ["s3", "s3 over TLS", "fastdfs"], indirect=True)
async def test_at_some_suspensions_of_healthy_servers(stage: Stage) -> None:
    files = await stored_files(stage)
    for some in batched(USE_CASES, AT_ONCE):
        await sampled(stage, some, files, None)


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
@pytest.mark.parametrize("stage", ["s3", pytest.param("s3 over TLS", marks=pytest.mark.slow), "fastdfs"], indirect=True)
async def test_on_servers_that_misbehave(stage: Stage, behaviour: str) -> None:
    files = await stored_files(stage)
    for some in batched(USE_CASES, AT_ONCE):
        await sampled(stage, some, files, behaviour)


async def sampled(stage: Stage, use_cases: Sequence[UseCase], files: Files, behaviour: str | None) -> None:
    """Cancel at some suspensions, at the same time; then let the servers behave, and look what is left."""
    files = await with_doomed_file(stage, files)
    before = await stage.stored()
    async with leak_guard(within=CLEAN_UP):
        await stage.behave(behaviour)
        outcomes = await asyncio.gather(
            *(
                cancelled(stage, use_case, files, nth, 1 + number % 3)
                for use_case in use_cases
                for number, nth in enumerate(SAMPLE)
            )
        )
        await stage.behave(None)
    await delete_all(stage, [attach for _, stored in outcomes for attach in stored])
    await nothing_left(stage, before, files, may_be_reported=behaviour is not None)


async def cancelled(
    stage: Stage, use_case: UseCase, files: Files, nth: int, times: int
) -> tuple[bool, list[FileAttach]]:
    """Run it, cancelled at this suspension: whether it got there, and what it stored all the same.

    What neither ends nor gets there in `PATIENCE` seconds is cancelled where it stands.
    """
    cancelling = CancelledAt(use_case(stage.manager, files), nth, times=times)

    async def run() -> object:
        return await cancelling

    task = asyncio.ensure_future(run())
    await asyncio.wait([task], timeout=PATIENCE)
    task_is_late = not task.done() and not cancelling.reached
    since = min(time.monotonic(), cancelling.cancelled_at)
    if task_is_late:
        task.cancel()
    await asyncio.wait([task], timeout=6 * AT_MOST)
    took, where = time.monotonic() - since, f"{use_case.__name__}, cancelled at suspension {nth}"
    assert task.done(), f"{where}, hangs"
    assert took < AT_MOST, f"{where}, took {took:.1f} s"
    result: object = None
    # Whatever else is raised is a defect.
    with suppress(asyncio.CancelledError, StorageException):
        result = task.result()
    results = result if isinstance(result, list) else [result]
    return cancelling.reached or task_is_late, [attach for attach in results if isinstance(attach, FileAttach)]


async def delete_all(stage: Stage, stored: list[FileAttach]) -> None:
    """Also the proof that it was stored."""
    for attach in stored:
        assert (await stage.manager.info_service.get_file_info(attach.file_id)).file_size
        await stage.manager.delete_service.delete_file(attach.file_id)


async def nothing_left(stage: Stage, before: set[str], files: Files, *, may_be_reported: bool = False) -> None:
    """No place is held, and what is stored is what was stored, but for the file that might be deleted.

    What servers that misbehaved did not let the kit remove, it has to have reported.
    """
    deadline = time.monotonic() + CLEAN_UP
    while True:
        left = await stage.stored() - before
        if may_be_reported:
            left = {name for name in left if not reported(stage, name)}
        if len(left) <= nameless(stage) or time.monotonic() > deadline:
            break
        await asyncio.sleep(0.01)
    assert len(left) <= nameless(stage), f"left behind: {left}"
    assert may_be_reported or not stage.observer.of(RollbackFailed)
    await until(lambda: not stage.in_use(), within=CLEAN_UP)
    assert await stage.manager.download_service.download_bytes(files.small) == SMALL


def nameless(stage: Stage) -> int:
    """How many files were reported that nobody can name: FastDFS gives the id, and the response with it was lost."""
    return sum(event.what.endswith("under an id that did not arrive") for event in stage.observer.of(RollbackFailed))


def reported(stage: Stage, name: str) -> bool:
    return any(name.rpartition("/")[2] in event.what for event in stage.observer.of(RollbackFailed))


async def stored_files(stage: Stage) -> Files:
    upload = stage.manager.upload_service.upload_bytes
    small, large = await upload("small.bin", SMALL), await upload("large.bin", stage.content)
    return Files(small.file_id, large.file_id, "", stage.content)


async def with_doomed_file(stage: Stage, files: Files) -> Files:
    """The files, with one to delete: the one that is there, or another."""
    if files.doomed:
        with suppress(StorageException):
            await stage.manager.info_service.get_file_info(files.doomed)
            return files
    doomed = await stage.manager.upload_service.upload_bytes("doomed.bin", SMALL)
    return Files(files.small, files.large, doomed.file_id, files.content)
