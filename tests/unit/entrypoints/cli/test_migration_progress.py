"""What shows how copying goes does not end it."""

import json
from typing import cast

import pytest

from s3py_helper.application.migration.applying import ApplyProgress
from s3py_helper.application.migration.migration import Migration
from s3py_helper.domain.errors import StorageUnavailableException
from s3py_helper.entrypoints.cli.migration.output import Output
from s3py_helper.entrypoints.cli.migration.progress import ProgressDisplay


class Down:
    """A migration whose ledger is out of reach."""

    @property
    def ledger(self) -> "Down":
        return self

    async def tallies(self) -> None:
        raise StorageUnavailableException("down")


async def test_progress_is_shown_while_the_ledger_is_out_of_reach(capsys: pytest.CaptureFixture[str]) -> None:
    display = ProgressDisplay(
        cast("Migration", Down()), ApplyProgress(copied=3), Output("worker", as_json=True, each=False)
    )
    await display.show()
    assert '"files_done": 3' in capsys.readouterr().out


async def test_bytes_of_a_large_file_show_before_it_is_copied(capsys: pytest.CaptureFixture[str]) -> None:
    arrived = [0]
    progress = ApplyProgress(bytes=10, arrived=lambda: arrived[0])
    display = ProgressDisplay(cast("Migration", Down()), progress, Output("apply", as_json=True, each=False))
    shown: list[int] = []
    for parts in (1000, 3000, 0):  # at the end all of it is there, and not yet written down
        arrived[0] = parts
        await display.show()
        shown.append(json.loads(capsys.readouterr().out)["bytes_done"])
    assert shown == [1010, 3010, 3010]
