import os
from pathlib import Path

import pytest

from s3py_helper.adapters.filesystem.writer import write_all


@pytest.mark.parametrize("most_at_once", [1, 3, 7, 1000])
@pytest.mark.parametrize("pieces", [[b"abc"], [b"abc", b"defgh", b"", b"i"], [b"xy"] * 600, [bytes(5000)]])
def test_a_system_that_takes_less_than_all_gets_the_rest_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pieces: list[bytes], most_at_once: int
) -> None:
    def write_some(file: int, buffers: list[memoryview]) -> int:
        return os.write(file, b"".join(buffers)[:most_at_once])

    monkeypatch.setattr(os, "writev", write_some)
    with (tmp_path / "file").open("wb") as file:
        write_all(file.fileno(), pieces)
    assert (tmp_path / "file").read_bytes() == b"".join(pieces)


def test_many_tiny_pieces_are_written_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    writev = os.writev

    def counted(file: int, buffers: list[memoryview]) -> int:
        calls.append(len(buffers))
        return writev(file, buffers)

    monkeypatch.setattr(os, "writev", counted)
    with (tmp_path / "file").open("wb") as file:
        write_all(file.fileno(), [b"x"] * 100_000)
    assert (tmp_path / "file").stat().st_size == 100_000
    assert calls == [1]
