"""Files that were found right, and for how long that is remembered."""

import os
from pathlib import Path

import pytest

from s3py_helper.adapters.filesystem.disk import verified
from s3py_helper.adapters.filesystem.disk.verified import FileState, VerifiedFiles, is_settled, state_of


def _state(number: int) -> FileState:
    return 1, number, 10, 1, 1


def test_a_file_is_remembered_in_its_state_and_for_its_time() -> None:
    now = 100.0
    files = VerifiedFiles(5.0, lambda: now)
    files.add(_state(1))
    now = 104.9
    assert files.has(_state(1))
    assert not files.has((1, 1, 10, 1, 2))
    now = 105.0
    assert not files.has(_state(1))
    files.add(_state(1))
    assert files.has(_state(1))


def test_of_too_many_those_stay_that_were_verified_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verified, "_MOST", 3)
    files = VerifiedFiles(5.0)
    for number in (1, 2, 3, 1, 4):
        files.add(_state(number))
    assert [files.has(_state(number)) for number in (1, 2, 3, 4)] == [True, False, True, True]


def test_no_time_means_that_nothing_is_remembered() -> None:
    files = VerifiedFiles(0)
    files.add(_state(1))
    assert not files.has(_state(1))


def test_a_file_whose_last_change_is_recent_or_to_come_or_counted_in_seconds_is_not_settled(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"1")
    file = os.open(path, os.O_RDONLY)
    try:
        *rest, changed = state_of(file)
    finally:
        os.close(file)
    second = 1_000_000_000
    device, number, size, modified = rest

    def settled(change: int) -> bool:
        return is_settled((device, number, size, modified, change))

    assert not settled(changed + 3600 * second)
    assert settled(changed - changed % second - 3600 * second + 1)
    assert not settled(changed - changed % second - 3600 * second)
