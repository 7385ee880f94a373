import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.adapters.s3.api.object_headers import MAX_METADATA_BYTES, PREFIX, from_headers, to_headers
from s3py_helper.domain.errors import InvalidArgumentException

_text = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)
_name = _text.filter(lambda name: bool(name.strip()))


def test_plain_ascii_travels_as_it_is() -> None:
    headers = to_headers("a.txt", {"project-id": "The quick, (brown) fox; 100%"})
    assert headers[f"{PREFIX}project-id"] == "The quick, (brown) fox; 100%"


def test_the_file_name_has_the_key_and_the_form_that_earlier_versions_gave_it() -> None:
    assert to_headers("отчёт 1.pdf", {}) == {f"{PREFIX}--real-file-name--": "%D0%BE%D1%82%D1%87%D1%91%D1%82%201.pdf"}


def test_values_are_encoded_as_rfc_8187_does() -> None:
    assert to_headers("a", {"x": "Größe"})[f"{PREFIX}x"] == "UTF-8''Gr%C3%B6%C3%9Fe"


def test_names_are_encoded_with_characters_that_every_server_keeps() -> None:
    header = next(name for name in to_headers("a", {"Größe 1": "x"}) if not name.endswith("--real-file-name--"))
    assert header == f"{PREFIX}utf-8--.47r.c3.b6.c3.9fe.201"


@given(_name, st.dictionaries(_name, _text, max_size=3))
def test_every_text_comes_back(file_name: str, metadata: dict[str, str]) -> None:
    try:
        headers = to_headers(file_name, metadata)
    except InvalidArgumentException:
        return  # two names that differ in case only, or too much of it
    assert all(name.isascii() and value.isascii() and value == value.strip() for name, value in headers.items())
    name, pairs = from_headers(headers)
    assert name == file_name
    plain = {name.lower() if name.isascii() else name for name in metadata}
    assert {name.lower() if name.isascii() else name for name in pairs} == plain
    assert sorted(pairs.values()) == sorted(metadata.values())


@pytest.mark.parametrize("value", ["UTF-8''%41", "utf-8''x", " padded ", "two  blanks", ""])
def test_text_that_a_header_would_change_or_that_looks_encoded_comes_back(value: str) -> None:
    assert from_headers(to_headers("a", {"x": value}))[1] == {"x": value}


@pytest.mark.parametrize("name", ["utf-8--.41", "UTF-8--x", "a b", "Ä"])
def test_names_that_look_encoded_come_back(name: str) -> None:
    assert from_headers(to_headers("a", {name: "1"}))[1] == {name: "1"}


def test_what_others_have_stored_is_read_verbatim() -> None:
    headers = {
        "content-type": "text/plain",
        "x-amz-meta---real-file-name--": "%D1%84.pdf",
        "x-amz-meta-rate": "100%25",
    }
    assert from_headers(headers) == ("ф.pdf", {"rate": "100%25"})


def test_an_object_of_another_tool_has_no_name() -> None:
    assert from_headers({"content-type": "text/plain"}) == (None, {})


def test_names_that_differ_in_case_only_are_refused() -> None:
    with pytest.raises(InvalidArgumentException, match=r"'a' is taken|'A' is taken"):
        to_headers("f", {"a": "1", "A": "2"})


@pytest.mark.parametrize("name", ["İ", "ſ", "\u212a"])
def test_letters_that_only_seem_to_be_ascii_are_encoded(name: str) -> None:
    assert from_headers(to_headers("a", {name: "1"}))[1] == {name: "1"}
    assert all(header.isascii() for header in to_headers("a", {name: "1"}))


def test_the_key_of_the_file_name_is_taken() -> None:
    with pytest.raises(InvalidArgumentException, match="is taken"):
        to_headers("f", {"--real-file-name--": "x"})


def test_more_than_s3_stores_is_refused_with_the_number() -> None:
    to_headers("f", {"x": "y" * (MAX_METADATA_BYTES - len("--real-file-name--") - 2)})
    with pytest.raises(InvalidArgumentException, match="2049 bytes"):
        to_headers("f", {"x": "y" * (MAX_METADATA_BYTES - len("--real-file-name--") - 1)})
