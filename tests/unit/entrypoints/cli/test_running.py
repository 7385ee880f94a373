"""Several jobs of one command."""

import asyncio
from collections.abc import AsyncGenerator, Callable

import pytest

from s3py_helper.domain.errors import (
    FileNotFoundException,
    InvalidFileTypeException,
    StorageException,
    StorageUnavailableException,
)
from s3py_helper.entrypoints.cli.exits import ExitCode
from s3py_helper.entrypoints.cli.output import write_line
from s3py_helper.entrypoints.cli.running import each

FAILURES: dict[str, StorageException] = {
    "missing": FileNotFoundException("no such file"),
    "refused": InvalidFileTypeException("not allowed"),
    "down": StorageUnavailableException("down"),
}


@pytest.mark.parametrize(
    ("jobs", "code"),
    [
        (["fine", "fine"], ExitCode.OK),
        (["fine", "missing", "refused", "down"], ExitCode.NOT_FOUND),
        (["down", "refused", "fine", "missing"], ExitCode.UNAVAILABLE),
        (["refused", "down", "missing"], ExitCode.REFUSED),
        ([], ExitCode.OK),
    ],
)
async def test_the_code_is_that_of_the_first_job_that_failed(jobs: list[str], code: ExitCode) -> None:
    async def do(job: str) -> Callable[[], None]:
        # The last one ends first: what counts is the order of the arguments.
        for _ in range(len(jobs) - jobs.index(job)):
            await asyncio.sleep(0)
        if job in FAILURES:
            raise FAILURES[job]
        return lambda: None

    assert await each(jobs, do, at_once=8) is code


async def test_results_and_errors_come_in_the_order_of_the_jobs(capsys: pytest.CaptureFixture[str]) -> None:
    async def do(job: int) -> Callable[[], None]:
        for _ in range(9 - job):
            await asyncio.sleep(0)
        if job % 2:
            raise FileNotFoundException(f"no {job}")
        return lambda: write_line(str(job))

    assert await each(range(5), do, at_once=3) is ExitCode.NOT_FOUND
    assert capsys.readouterr() == ("0\n2\n4\n", "s3py: no 1\ns3py: no 3\n")


async def test_a_defect_is_no_message() -> None:
    async def do(_job: int) -> Callable[[], None]:
        raise KeyError("a defect")

    with pytest.raises(ExceptionGroup) as raised:
        await each([1], do, at_once=1)
    assert isinstance(raised.value.exceptions[0], KeyError)


async def test_jobs_that_come_one_by_one_are_done_and_told_as_they_come(capsys: pytest.CaptureFixture[str]) -> None:
    come: asyncio.Queue[int | None] = asyncio.Queue()

    async def jobs() -> AsyncGenerator[int]:
        while (job := await come.get()) is not None:
            yield job

    async def do(job: int) -> Callable[[], None]:
        return lambda: write_line(str(job))

    running = asyncio.create_task(each(jobs(), do, at_once=2))
    told = ""
    for job in range(3):
        await come.put(job)
        while f"{job}\n" not in told:
            await asyncio.sleep(0)
            told += capsys.readouterr().out
    await come.put(None)
    assert await running is ExitCode.OK


async def test_an_error_instead_of_the_next_job_is_told_behind_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    async def jobs() -> AsyncGenerator[int]:
        yield 1
        raise StorageUnavailableException("the listing broke off")

    async def do(job: int) -> Callable[[], None]:
        await asyncio.sleep(0.01)
        return lambda: write_line(str(job))

    assert await each(jobs(), do, at_once=2) is ExitCode.UNAVAILABLE
    assert capsys.readouterr() == ("1\n", "s3py: the listing broke off\n")


async def test_no_more_jobs_are_begun_than_may_run_and_wait() -> None:
    begun = 0
    first_may_end = asyncio.Event()

    async def do(job: int) -> Callable[[], None]:
        nonlocal begun
        begun += 1
        if job == 0:
            await first_may_end.wait()
        return lambda: None

    running = asyncio.create_task(each(range(10_000), do, at_once=4))
    for _ in range(20_000):
        await asyncio.sleep(0)
    assert 1000 <= begun <= 1010
    first_may_end.set()
    assert await running is ExitCode.OK
    assert begun == 10_000


async def test_nothing_goes_on_when_nobody_reads_the_results() -> None:
    cancelled = 0

    async def do(job: int) -> Callable[[], None]:
        nonlocal cancelled
        try:
            await asyncio.sleep(0 if job == 0 else 60)
        except asyncio.CancelledError:
            cancelled += 1
            raise

        def report() -> None:
            raise BrokenPipeError

        return report

    assert await each(range(100), do, at_once=4) is ExitCode.BROKEN_PIPE
    assert cancelled in {3, 4}
