"""Names of archive entries: safe to unpack anywhere, no two alike."""

import ntpath
import unicodedata
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3py_helper.domain.archive_name import EntryNames, safe_entry_name

NASTY_PIECES = st.sampled_from([
    "..", ".", "/", "\\", "\0", "C:", "a", "A", "b.txt", "_1", "CON", "nul.txt", " ", "ä", "ﬀ", "\u202e", "~", "\ud800",
])  # fmt: skip
NASTY_NAMES = st.lists(NASTY_PIECES, max_size=8).map("".join) | st.text(max_size=40)


def final_names(wanted: list[str | None]) -> list[str]:
    names = EntryNames()
    for text in wanted:
        if text is not None:
            names.expect(text)
    return [names.claim_unexpected("late.txt") if text is None else names.claim(text) for text in wanted]


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a.txt", "a.txt"),
        ("folder/отчёт.pdf", "folder/отчёт.pdf"),
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("a/../b", "a/b"),
        ("a//./b/", "a/b"),
        ("C:\\Windows\\x.dll", "C_/Windows/x.dll"),
        ("\\\\server\\share\\x", "server/share/x"),
        ("..\\x", "x"),
        (".. /x", "x"),
        ("x. . ", "x"),
        ("a\0b\nc", "a_b_c"),
        ("a\ud800b", "a_b"),
        ("what?.txt", "what_.txt"),
        ("a.txt:stream", "a.txt_stream"),
        ("invoice\u202efdp.exe", "invoice_fdp.exe"),
        ("CON", "_CON"),
        ("con.tar.gz", "_con.tar.gz"),
        ("nul .txt", "_nul .txt"),
        ("COM1/LPT¹.txt", "_COM1/_LPT¹.txt"),
        ("console.txt", "console.txt"),
        (".bashrc", ".bashrc"),
        (" leading", " leading"),
        ("", "file"),
        ("../..", "file"),
        ("...", "file"),
    ],
)
def test_a_name_becomes_safe_and_keeps_what_it_can(text: str, safe: str) -> None:
    assert safe_entry_name(text) == safe


@pytest.mark.parametrize(
    "letter", [*'<>:"|?*\0\x1f\x7f\x9f\ud800\udfff', *"\u2028\u2029\u202a\u202e\u2066\u2069"], ids=ascii
)
def test_what_some_system_misreads_is_replaced(letter: str) -> None:
    assert safe_entry_name(f"a{letter}b") == "a_b"


@pytest.mark.parametrize("letter", [*" ~!;'\xa0\u2027\u202f\u2065\u206a"], ids=ascii)
def test_what_stands_beside_it_is_kept(letter: str) -> None:
    assert safe_entry_name(f"a{letter}b") == f"a{letter}b"


@pytest.mark.parametrize("device", ["con", "PRN", "Aux", "nul", "CONIN$", "conout$", "com0", "COM9", "lpt0", "LPT³"])
def test_no_entry_is_a_device_of_windows(device: str) -> None:
    assert safe_entry_name(f"x/{device}.tar.gz") == f"x/_{device}.tar.gz"
    assert safe_entry_name(f"{device}x") == f"{device}x"


def test_a_segment_too_long_for_file_systems_is_cut_before_its_extension() -> None:
    safe = safe_entry_name("я" * 300 + ".tar.gz")
    assert len(safe.encode()) <= 255
    assert safe.endswith("яя.tar.gz")


def test_a_path_too_long_to_unpack_loses_its_outermost_folders() -> None:
    safe = safe_entry_name("/".join(f"{number:03}" for number in range(1000)) + "/a.txt")
    assert len(safe.encode()) <= 1024
    assert safe.endswith("/998/999/a.txt")


@given(NASTY_NAMES)
@settings(deadline=None)
def test_no_name_leads_out_of_the_folder_it_is_unpacked_in(text: str) -> None:
    name = safe_entry_name(text)
    assert name.encode()
    assert "\\" not in name
    assert not PurePosixPath(name).is_absolute()
    assert not ntpath.splitdrive(name)[0]
    for segment in name.split("/"):
        assert segment not in {"", ".", ".."}
        assert segment == segment.rstrip(". ")
        assert len(segment.encode()) <= 255
        assert not any(unicodedata.category(character) in {"Cc", "Cs"} for character in segment)
        assert not ntpath.isreserved(segment) if hasattr(ntpath, "isreserved") else True
    assert ntpath.normpath(ntpath.join("D:\\target", name)).startswith("D:\\target\\")


@given(NASTY_NAMES)
@settings(deadline=None)
def test_a_safe_name_stays_as_it_is(text: str) -> None:
    name = safe_entry_name(text)
    assert safe_entry_name(name) == name


@given(st.lists(NASTY_NAMES | st.none(), max_size=12))
@settings(deadline=None)
def test_no_two_names_are_alike_and_no_file_is_a_folder(wanted: list[str | None]) -> None:
    names = final_names(wanted)
    identities = [unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold()) for name in names]
    assert len(set(identities)) == len(names)
    folders = {
        "/".join(identity.split("/")[:depth]) for identity in identities for depth in range(1, identity.count("/") + 1)
    }
    assert folders.isdisjoint(identities)


@given(names=st.lists(NASTY_NAMES, max_size=6))
@settings(deadline=None)
def test_a_careless_unpacker_writes_every_file_once_and_nothing_outside(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    around = tmp_path_factory.mktemp("around")
    target = around / "target"
    target.mkdir()
    entries = final_names(list(names))
    for number, name in enumerate(entries):
        path = Path(f"{target}/{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x") as file:
            file.write(str(number))
    assert list(around.iterdir()) == [target]
    assert sorted(int(path.read_text()) for path in target.rglob("*") if path.is_file()) == list(range(len(entries)))


@pytest.mark.parametrize(
    ("wanted", "given_names"),
    [
        (["a.txt", "a.txt", "a.txt"], ["a.txt", "a_1.txt", "a_2.txt"]),
        (["a.txt", "a.txt", "a_1.txt"], ["a.txt", "a_2.txt", "a_1.txt"]),
        (["a.txt", "A.TXT"], ["a.txt", "A_1.TXT"]),
        (["é", "e\u0301"], ["é", "e\u0301_1"]),
        (["x/a.tar.gz", "x/a.tar.gz"], ["x/a.tar.gz", "x/a_1.tar.gz"]),
        (["README", "README"], ["README", "README_1"]),
        ([".env", ".env"], [".env", ".env_1"]),
        (["a", "a/b"], ["a_1", "a/b"]),
        (["a/b", "a"], ["a/b", "a_1"]),
        (["a/b/c", "A"], ["a/b/c", "A_1"]),
        (["a", "a_1/b", "a/c"], ["a_2", "a_1/b", "a/c"]),
        ([None, "late.txt", None], ["late_1.txt", "late.txt", "late_2.txt"]),
    ],
)
def test_a_taken_name_gets_a_number_that_collides_with_none(wanted: list[str | None], given_names: list[str]) -> None:
    assert final_names(wanted) == given_names


def test_a_name_that_nobody_expected_makes_no_folders() -> None:
    assert EntryNames().claim_unexpected("../x/y.txt") == "y.txt"


def test_names_that_nobody_expected_differ_among_themselves() -> None:
    names = EntryNames()
    wanted = ["a.txt", "a_1.txt", "a.txt", "A.txt"]
    assert [names.claim_unexpected(text) for text in wanted] == ["a.txt", "a_1.txt", "a_2.txt", "A_3.txt"]


def test_a_number_is_added_to_a_name_of_full_length_too() -> None:
    names = final_names(["folder/" + "x" * 255] * 2)
    assert names[1] == "folder/" + "x" * 253 + "_1"


def test_many_equal_names_take_no_quadratic_time() -> None:
    assert len(set(final_names(["a.txt"] * 20_000))) == 20_000
