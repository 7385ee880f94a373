"""Ids as people keep them in lists."""

import pytest

from s3py_helper.application.migration.id_texts import id_in_text
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.file_id import FileId

KEY = "M00/00/0A/made_up_by_hand.txt"
FILE_ID = FileId.parse(f"group1/{KEY}")


@pytest.mark.parametrize(
    "text",
    [
        f"group1/{KEY}",
        f"/group1/{KEY}",
        f"//group1/{KEY}",
        f"http://127.0.0.1:8080/group1/{KEY}",
        f"https://files.example/group1/{KEY}?token=a&ts=1",
        f"https://files.example//group1/{KEY}#top",
        f"group1/{KEY}?at=http://elsewhere/group2/{KEY}#top",
        KEY,
        f"/{KEY}",
        f"http://127.0.0.1/{KEY}?download=1",
    ],
)
def test_an_id_is_found_in_a_line(text: str) -> None:
    assert id_in_text(text, "group1") == FILE_ID


def test_a_group_that_is_named_counts_more_than_the_default_one() -> None:
    assert id_in_text(f"group1/{KEY}", "group2") == FILE_ID
    for group in ("Mxyz", "abc", "Mob", "M0", "m00"):
        assert id_in_text(f"{group}/{KEY}", "group2") == FileId.parse(f"{group}/{KEY}")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (KEY, "it names no group: give the default group"),
        (f"group1/{KEY}-m", "it names the metadata of a file"),
        ("s3:bucket/key", "it is no FastDFS id"),
        ("fs:bucket/key", "it is no FastDFS id"),
        ("nonsense", "nonsense"),
        ("", "names neither group nor file"),
        ("http://127.0.0.1", "names neither group nor file"),
    ],
)
def test_a_line_without_an_id_says_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(InvalidArgumentException, match=says):
        id_in_text(text, None)
