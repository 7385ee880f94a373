"""Several jobs of one command."""

import asyncio
from collections.abc import Callable

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
