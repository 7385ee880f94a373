"""Which names, folders and types are accepted."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.domain.errors import (
    FileTooLargeException,
    InvalidArgumentException,
    InvalidFileTypeException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.file_name import check_file_name, check_folder
from s3py_helper.domain.file_type import FileTypeConfig
from s3py_helper.domain.metadata import check_metadata
from s3py_helper.domain.object_key import escaped, fronts_of_keys, name_in_key, new_object_key, unescaped
from s3py_helper.domain.validation import FileValidatorImpl

any_text = st.text(alphabet=st.characters(), max_size=80)


@pytest.mark.parametrize(
    "name", ["v1..2.pdf", "README", ".env", "отчёт 日本語 🙂.pdf", "a b+c%d.txt", "...", "x" * 255, "ж" * 127]
)
def test_a_fine_name_is_accepted(name: str) -> None:
    check_file_name(name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "empty"),
        (" \t", "empty or blank"),
        ("a/b", "separator"),
        ("a\\b", "separator"),
        ("..", "path segment"),
        (".", "path segment"),
        ("a\0b", "NUL"),
        ("a\nb", r"U\+000A"),
        ("a\x7fb", r"U\+007F"),
        ("x" * 256, "256 bytes"),
        ("ж" * 128, "256 bytes"),
    ],
)
def test_a_bad_name_is_refused_with_the_reason(name: str, reason: str) -> None:
    with pytest.raises(InvalidArgumentException, match=reason):
        check_file_name(name)


@pytest.mark.parametrize(("folder", "kept"), [("", ""), ("/", ""), ("a", "a"), ("/a/b/", "a/b"), ("ä ö", "ä ö")])
def test_a_folder_is_kept_without_outer_slashes(folder: str, kept: str) -> None:
    assert check_folder(folder) == kept


@pytest.mark.parametrize("folder", ["..", "a/../b", "a//b", "a\\b", "a/\0", ".", " "])
def test_a_folder_that_leads_elsewhere_is_refused(folder: str) -> None:
    with pytest.raises(InvalidArgumentException, match="invalid folder"):
        check_folder(folder)


@given(any_text, any_text)
def test_whatever_is_accepted_stays_in_its_folder(name: str, folder: str) -> None:
    try:
        check_file_name(name)
        key = new_object_key(name, folder)
    except InvalidArgumentException:
        return
    parent, _, segment = key.rpartition("/")
    assert unescaped(parent) == folder.strip("/")
    FileId(Backend.S3, "bucket", key)
    if len(parent.encode()) <= 255:
        FileId(Backend.FILESYSTEM, "files", key)
    assert name_in_key(segment) == name or len(escaped(name).encode()) > 238
    assert not re.search(r"[\s\\\"'`$&|;<>(){}\[\]*?!#%+:^]", key)


@given(st.text(), st.text())
def test_the_front_of_an_escaped_text_is_the_escaped_front(front: str, rest: str) -> None:
    assert escaped(front + rest) == escaped(front) + escaped(rest)
    assert unescaped(escaped(front)) == front


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("plain-name_1.tar.gz", "plain-name_1.tar.gz"),
        ("year=2026@2x,b", "year=2026@2x,b"),
        ("annual report.pdf", "annual~20report.pdf"),
        ("100% (final) #1?.txt", "100~25~20~28final~29~20~231~3F.txt"),
        ("合同（終稿）.pdf", "合同（終稿）.pdf"),
        ("a\u3000b\u200bc", "a~E3~80~80b~E2~80~8Bc"),
        ("a~20b", "a~7E20b"),
        ("C++.md", "C~2B~2B.md"),
    ],
)
def test_what_a_shell_or_a_url_would_take_for_another_is_escaped(name: str, shown: str) -> None:
    key = new_object_key(name)
    assert key[17:] == shown
    assert name_in_key(key) == name


@pytest.mark.parametrize(
    ("front", "fronts"),
    [
        ("", ("",)),
        ("a/b", ("a/b",)),
        ("a b/", ("a b/", "a~20b/")),
        ("a|b", ("a|b", "a~7Cb")),
        ("a~20b c", ("a~20b c",)),
        ("a~b", ("a~7Eb", "a~b")),
    ],
)
def test_the_fronts_of_keys_that_a_text_means(front: str, fronts: tuple[str, ...]) -> None:
    assert fronts_of_keys(front) == fronts


def test_escapes_that_are_no_text_stay_as_they_are() -> None:
    assert name_in_key("0123456789abcdef_a~FFb~2") == "a~FFb~2"
    assert name_in_key("not-ours~20.txt") == "not-ours~20.txt"


def test_a_key_is_sixteen_hex_digits_and_the_name() -> None:
    key = new_object_key("report.pdf", "reports")
    folder, prefix, name = key.split("/")[0], key.split("/")[1][:16], key.split("/")[1][17:]
    assert (folder, name) == ("reports", "report.pdf")
    assert int(prefix, 16) >= 0
    assert new_object_key("report.pdf") != new_object_key("report.pdf")


def test_a_long_name_keeps_its_extension_in_the_key() -> None:
    key = new_object_key("я" * 125 + ".pdf")
    assert len(key.encode()) <= 255
    assert key.endswith("я.pdf")


def test_a_folder_that_makes_the_key_too_long_is_refused() -> None:
    with pytest.raises(InvalidArgumentException, match="1024 are allowed"):
        new_object_key("a.txt", "/".join(["x" * 200] * 6))


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("reports/0123456789abcdef_report.pdf", "report.pdf"),
        ("0123456789abcdef0123456789abcdef.pdf", "0123456789abcdef0123456789abcdef.pdf"),
        ("plain.txt", "plain.txt"),
        ("0123456789abcdef_", "0123456789abcdef_"),
        ("0123456789abcdef_0123456789abcdef_a.txt", "0123456789abcdef_a.txt"),
        ("folder/", "folder/"),
    ],
)
def test_the_name_in_a_key_has_no_random_prefix(key: str, name: str) -> None:
    assert name_in_key(key) == name


@pytest.mark.parametrize(
    "name", ["evil.exe", "EVIL.EXE", "evil.exe.", "evil.exe. . ", "evil.exe::$DATA", "evil.exe.pdf", "evil.ｅｘｅ",
             "evil.e\u200bxe", "a.tar.gz", "evil.exe\u202e"]
)  # fmt: skip
def test_a_blacklisted_type_does_not_slip_past(name: str) -> None:
    validator = FileValidatorImpl(FileTypeConfig(blacklist=[".EXE", "tar.gz"]))
    with pytest.raises(InvalidFileTypeException):
        validator.validate_file_type(name)


@pytest.mark.parametrize("name", ["evil. exe", "evil.exe .pdf", "evil.e\u00adxe", "evil.tar.gz.pdf"])
def test_blanks_and_what_is_not_seen_hide_no_type(name: str) -> None:
    with pytest.raises(InvalidFileTypeException):
        FileValidatorImpl(FileTypeConfig(blacklist=["exe", "tar", "", "."])).validate_file_type(name)


@pytest.mark.parametrize("name", ["a..pdf", "README", "a. .pdf"])
def test_an_empty_rule_refuses_nothing(name: str) -> None:
    FileValidatorImpl(FileTypeConfig(blacklist=["", " ", "."])).validate_file_type(name)


def test_a_type_that_is_permitted_and_refused_is_refused() -> None:
    rules = FileValidatorImpl(FileTypeConfig(whitelist=["pdf", "exe"], blacklist=["exe"]))
    rules.validate_file_type("a.pdf")
    with pytest.raises(InvalidFileTypeException, match="'exe'"):
        rules.validate_file_type("a.exe")


@pytest.mark.parametrize("name", ["exe", ".exe", "a.executable", "a.gz", "my.exercise.pdf"])
def test_a_blacklist_hits_extensions_only(name: str) -> None:
    FileValidatorImpl(FileTypeConfig(blacklist=["exe", "tar.gz"])).validate_file_type(name)


@pytest.mark.parametrize("name", ["a.PDF", "a.b.pdf", "a.tar.gz", "a.pdf."])
def test_a_whitelisted_type_passes(name: str) -> None:
    FileValidatorImpl(FileTypeConfig(whitelist=[".Pdf", "tar.gz"])).validate_file_type(name)


@pytest.mark.parametrize("name", ["README", "a.gz", "a.pdf.txt", "pdf"])
def test_other_types_fail_a_whitelist(name: str) -> None:
    with pytest.raises(InvalidFileTypeException, match="pdf"):
        FileValidatorImpl(FileTypeConfig(whitelist=["pdf", "tar.gz"])).validate_file_type(name)


def test_without_rules_every_type_passes() -> None:
    FileValidatorImpl().validate_file_type("anything")


def test_sizes_are_bounded() -> None:
    validator = FileValidatorImpl(max_file_size=10)
    validator.validate_file_size(10)
    with pytest.raises(FileTooLargeException, match="11 bytes, 10 are allowed"):
        validator.validate_file_size(11)
    FileValidatorImpl().validate_file_size(2**62)
    with pytest.raises(InvalidArgumentException):
        validator.validate_file_size(-1)
    with pytest.raises(InvalidArgumentException):
        FileValidatorImpl(max_file_size=-1)


def test_metadata_are_pairs_of_text() -> None:
    assert check_metadata(None) == {}
    assert check_metadata({"автор": "Иван"}) == {"автор": "Иван"}


@pytest.mark.parametrize("pairs", [{"": "x"}, {" ": "x"}, {"a\nb": "x"}, {"a": "x\r\ny"}, {"a": 1}, {1: "a"}])
def test_other_metadata_are_refused(pairs: dict[str, str]) -> None:
    with pytest.raises(InvalidArgumentException, match="metadata"):
        check_metadata(pairs)
