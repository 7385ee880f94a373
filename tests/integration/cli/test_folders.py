"""Folders up and down, and what is there already."""

import json
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Run

TREE = {
    "photos/a b.jpg": b"one",
    "photos/2026/июль/c.jpg": b"two",
    "photos/2026/notes.txt": b"three",
    "photos/.cache/d.jpg": b"four",
}


@pytest.fixture(autouse=True)
def tree(folder: Path) -> dict[str, bytes]:
    for name, content in TREE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "photos" / "empty").mkdir()
    (folder / "photos" / "link.jpg").symlink_to("a b.jpg")
    (folder / "photos" / "loop").symlink_to(".")
    return TREE


def _files(top: Path) -> dict[str, bytes]:
    return {path.relative_to(top).as_posix(): path.read_bytes() for path in top.rglob("*") if path.is_file()}


def test_a_folder_comes_back_as_it_went(run: Run, folder: Path, tree: dict[str, bytes]) -> None:
    sent = run("upload", "-r", "photos", "-q")
    assert (sent.code, sent.err, len(sent.lines)) == (0, "", 5)
    assert all(" " not in line for line in sent.lines)
    fetched = run("download", "-r", "photos", "-o", "back")
    assert (fetched.code, fetched.err) == (0, "")
    assert _files(folder / "back") == tree | {"photos/link.jpg": b"one"}


def test_a_slash_means_what_is_in_a_folder(run: Run, folder: Path) -> None:
    ids = run("upload", "-r", "photos/2026/", "--folder", "my holidays").lines
    assert [name.partition("/")[2][:13] for name in ids] == ["my~20holidays"] * 2
    assert sorted(run("download", "-r", "my holidays/", "-o", "x").lines) == ["x/notes.txt", "x/июль/c.jpg"]
    assert min(run("download", "-r", "my holidays", "-o", "y").lines) == "y/my holidays/notes.txt"
    assert min(run("download", "-r", "/", "-o", "z").lines) == "z/my holidays/notes.txt"


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        (["--include", "*.jpg"], ["a b.jpg", "c.jpg", "d.jpg", "link.jpg"]),
        (["--include", "*.jpg", "--exclude", ".cache"], ["a b.jpg", "c.jpg", "link.jpg"]),
        (["--exclude", "2026/*"], ["a b.jpg", "d.jpg", "link.jpg"]),
        (["--include", "2026"], ["c.jpg", "notes.txt"]),
        (["--include", "июль/", "--include", "*.txt"], ["c.jpg", "notes.txt"]),
        (["--include", "2026/*.txt"], ["notes.txt"]),
        (["--exclude", "*"], []),
    ],
)
def test_patterns_choose_the_files_both_ways(run: Run, patterns: list[str], names: list[str]) -> None:
    sent = run("upload", "-r", "photos", "--json", "-q", *patterns)
    assert sorted(json.loads(line)["file_name"] for line in sent.lines) == names
    assert len(run("upload", "-r", "photos").lines) == 5
    fetched = run("download", "-r", "photos", "-o", "back", "-q", *patterns)
    assert sorted(Path(line).name for line in fetched.lines) == names


def test_a_folder_needs_to_be_asked_for(run: Run) -> None:
    result = run("upload", "photos", "photos/a b.jpg")
    assert (result.code, result.err) == (2, "s3py: photos is a folder: -r stores what is in it\n")
    assert len(result.lines) == 1


def test_what_cannot_be_read_of_a_folder_does_not_stop_the_rest(run: Run, folder: Path) -> None:
    (folder / "photos" / "gone.jpg").symlink_to("nowhere")
    result = run("upload", "-r", "photos")
    assert (result.code, len(result.lines)) == (2, 5)
    assert result.err == "s3py: photos/gone.jpg: No such file or directory\n"


def test_what_is_stored_already_is_not_stored_again(run: Run, folder: Path) -> None:
    first = run("upload", "-r", "photos", "--skip-same")
    assert (len(first.lines), first.err) == (5, "")
    (folder / "photos" / "a b.jpg").write_bytes(b"new")  # as long as before, and link.jpg with it
    again = run("upload", "-r", "photos", "--skip-same", "--json")
    assert (again.code, again.err) == (0, "s3py: 3 of 5 files were there already\n")
    told = [json.loads(line) for line in again.lines]
    assert [fact["file_name"] for fact in told if not fact.get("skipped")] == ["a b.jpg", "link.jpg"]
    assert {fact["file_id"] for fact in told if fact.get("skipped")} < set(first.lines)
    assert run("upload", "-r", "photos", "--skip-same", "-q").err == ""


def test_single_files_are_left_alone_too_but_not_under_another_name_or_folder(run: Run) -> None:
    (file_id,) = run("upload", "photos/a b.jpg", "--folder", "x").lines
    assert run("upload", "photos/a b.jpg", "--folder", "x", "--skip-same").lines == [file_id]
    assert run("upload", "photos/a b.jpg", "--skip-same").lines != [file_id]
    assert run("upload", "photos/a b.jpg", "--name", "b.jpg", "--folder", "x", "--skip-same").lines != [file_id]


def test_what_is_on_disk_already_is_not_fetched_again(run: Run, folder: Path) -> None:
    run("upload", "-r", "photos")
    (folder / "photos" / "2026" / "notes.txt").write_bytes(b"THREE")
    (folder / "photos" / "a b.jpg").unlink()
    (folder / "photos" / "link.jpg").unlink()
    result = run("download", "-r", "photos", "--skip-same")
    assert (result.code, len(result.lines)) == (4, 4)
    assert result.err.splitlines() == [
        "s3py: photos/2026/notes.txt: exists already (--force overwrites it)",
        "s3py: 2 files were there already",
    ]
    assert run("download", "-r", "photos", "--skip-same", "--force").err == "s3py: 4 files were there already\n"
    assert (folder / "photos" / "2026" / "notes.txt").read_bytes() == b"three"


def test_of_files_with_one_name_the_newest_is_fetched(run: Run, folder: Path) -> None:
    run("upload", "-r", "photos/2026")
    (folder / "photos" / "2026" / "notes.txt").write_bytes(b"later")
    run("upload", "-r", "photos/2026")
    result = run("download", "-r", "2026/", "-o", "back/")
    assert (result.code, result.err) == (0, "s3py: 2 files have a newer one of the same name, which is fetched alone\n")
    assert _files(folder / "back") == {"notes.txt": b"later", "июль/c.jpg": b"two"}


def test_a_folder_does_not_go_to_standard_output(run: Run) -> None:
    run("upload", "-r", "photos")
    result = run("download", "-r", "photos", "-o", "-")
    assert (result.code, result.out) == (2, "")
    assert "several files need a folder to go to" in result.err
