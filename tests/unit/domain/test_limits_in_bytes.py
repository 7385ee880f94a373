"""Limits are bytes of UTF-8, not letters: to the byte."""

import pytest

from s3py_helper.domain.archive_name import EntryNames, safe_entry_name
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.file_name import check_file_name, check_folder
from s3py_helper.domain.object_key import new_object_key

TWO = "é"
"""A letter of two bytes."""

FOUR = "\N{GRINNING FACE}"
"""A letter of four bytes."""


def text_of(size: int, letter: str) -> str:
    """A text of that many bytes, of such letters as far as they go."""
    count, rest = divmod(size, len(letter.encode()))
    return letter * count + "a" * rest


def path_of(size: int, letter: str) -> str:
    """A path of that many bytes, its segments short."""
    segments = [text_of(99, letter)] * (size // 100)
    return "/".join([*segments, text_of(size % 100, letter)]) if size % 100 else "/".join(segments)


letters = pytest.mark.parametrize("letter", ["a", TWO, FOUR], ids=["ASCII", "two bytes", "four bytes"])


@letters
@pytest.mark.parametrize(
    ("check", "most"),
    [
        (lambda size, letter: check_file_name(text_of(size, letter)), 255),
        (lambda size, letter: check_folder(text_of(size, letter)), 255),
        (lambda size, letter: FileId(Backend.S3, "bucket", path_of(size, letter)), 1024),
        (lambda size, letter: FileId(Backend.FILESYSTEM, "bucket", path_of(size, letter)), 1024),
        (lambda size, letter: FileId(Backend.FILESYSTEM, "bucket", text_of(size, letter)), 255),
        # The name becomes "/", 16 random digits, "_" and "n": 19 bytes.
        (lambda size, letter: new_object_key("n", path_of(size - 19, letter)), 1024),
    ],
    ids=["file name", "folder", "key in S3", "key on disk", "segment on disk", "new key"],
)
def test_the_last_byte_that_fits_is_accepted_and_the_next_is_not(check, most: int, letter: str) -> None:  # type: ignore[no-untyped-def]  # one of those above
    check(most, letter)
    with pytest.raises(InvalidArgumentException, match=f"{most + 1} bytes"):
        check(most + 1, letter)


def test_a_name_in_fastdfs_has_127_characters_at_most() -> None:
    FileId(Backend.FASTDFS, "group1", "M00/00/00/" + "a" * 117)
    with pytest.raises(InvalidArgumentException, match="128 bytes"):
        FileId(Backend.FASTDFS, "group1", "M00/00/00/" + "a" * 118)


@letters
def test_a_shortened_name_fills_its_segment_and_keeps_its_extension(letter: str) -> None:
    key = new_object_key(f"{letter * 300}.txt")
    assert 255 - len(letter.encode()) < len(key.encode()) <= 255
    assert key.endswith(f"{letter}.txt")


@pytest.mark.parametrize(
    ("extension", "kept"), [("a" * 15, True), ("a" * 16, False), (TWO * 7, True), (TWO * 8, False)]
)
def test_an_extension_of_more_than_16_bytes_is_not_one(extension: str, kept: bool) -> None:
    assert new_object_key(f"{'x' * 300}.{extension}").endswith(f".{extension}") is kept
    assert safe_entry_name(f"{'x' * 300}.{extension}").endswith(f".{extension}") is kept


@letters
@pytest.mark.parametrize("extension", [".txt", f".{TWO * 3}"])
def test_an_entry_is_cut_to_what_file_systems_store(letter: str, extension: str) -> None:
    names = EntryNames()
    # The second one gets a number besides.
    for name in (names.claim(f"{letter * 300}{extension}"), names.claim(f"{letter * 300}{extension}")):
        assert 255 - len(letter.encode()) < len(name.encode()) <= 255
        assert name.endswith(extension)


@letters
@pytest.mark.parametrize("extension", [".txt", f".{TWO * 3}"])
def test_an_entry_that_fits_is_not_cut(letter: str, extension: str) -> None:
    name = text_of(255 - len(extension.encode()), letter) + extension
    assert safe_entry_name(name) == name


@letters
def test_a_path_loses_folders_from_1024_bytes_on(letter: str) -> None:
    # The bound includes a slash for each segment, as unpackers add one.
    fits = path_of(1023, letter)
    assert safe_entry_name(fits) == fits
    assert safe_entry_name(f"b{fits}") == fits.partition("/")[2]
