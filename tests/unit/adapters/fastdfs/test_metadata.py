import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.adapters.fastdfs.metadata import check_sizes, pairs_to_store, read_metadata
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.testing import new_blob

_TAKEN = ("OriginFileName", "OriginFileExtName", "OriginFileSize", "ContentType")
_TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=64)


@given(st.dictionaries(_TEXT.filter(lambda name: 0 < len(name.encode()) <= 64 and name not in _TAKEN), _TEXT))
def test_what_is_written_is_read_again(pairs: dict[str, str]) -> None:
    stored = pairs_to_store(new_blob("report.pdf", metadata=pairs))
    packed = b"\x01".join(f"{name}\x02{value}".encode() for name, value in stored.items())
    read = read_metadata(packed)
    assert (read.file_name, read.content_type, read.pairs) == ("report.pdf", "application/pdf", pairs)


def test_the_type_is_stored_only_where_the_name_does_not_tell_it() -> None:
    assert pairs_to_store(new_blob("a.pdf")) == {"OriginFileName": "a.pdf"}
    assert pairs_to_store(new_blob("a.pdf", content_type="text/x-odd")) == {
        "OriginFileName": "a.pdf",
        "ContentType": "text/x-odd",
    }


@pytest.mark.parametrize(
    ("metadata", "problem"),
    [
        ({"n" * 65: "v"}, "has 65 bytes of UTF-8, FastDFS keeps 1 to 64"),
        ({"ё" * 33: "v"}, "has 66 bytes"),
        ({"": "v"}, "has 0 bytes"),
        ({"n": "v" * 257}, "has 257 bytes of UTF-8, FastDFS keeps 256"),
        ({"n": "a\x01b"}, r"U\+0001 or U\+0002"),
        ({"a\x02b": "v"}, r"U\+0001 or U\+0002"),
        *(({name: "x"}, f"'{name}' is taken") for name in _TAKEN),
        ({f"name {number}": "v" * 250 for number in range(1100)}, "FastDFS keeps 261888"),
    ],
)
def test_what_the_server_would_garble_is_refused(metadata: dict[str, str], problem: str) -> None:
    with pytest.raises(InvalidArgumentException, match=problem) as refused:
        pairs_to_store(new_blob(metadata=metadata))
    assert (refused.value.operation, refused.value.backend) == ("upload", "fastdfs")


def test_what_the_kit_keeps_for_itself_is_none_of_the_user_s_pairs() -> None:
    read = read_metadata(b"OriginFileName\x02a.txt\x01ContentType\x02text/x-odd\x01OriginFileSize\x025\x01a\x02b")
    assert (read.file_name, read.content_type, read.pairs) == ("a.txt", "text/x-odd", {"a": "b"})


def test_metadata_fit_the_server_s_buffer_to_the_byte() -> None:
    # Each pair takes two bytes more, for what stands between names, values and pairs.
    pairs = {f"{number:064}": "v" * 256 for number in range(813)}
    check_sizes(pairs | {"n": "v" * 99})
    with pytest.raises(InvalidArgumentException, match="the metadata have 261889 bytes, FastDFS keeps 261888"):
        check_sizes(pairs | {"n": "v" * 100})


@pytest.mark.parametrize("stored", [b"", b"\x01", b"no separator", b"\x01\x01a\x02b\x02c\x01", b"\xff\x02\xfe"])
def test_what_others_left_is_read_as_far_as_it_goes(stored: bytes) -> None:
    read = read_metadata(stored)
    assert read.file_name is None
    assert read.content_type is None


@pytest.mark.parametrize(
    "name", ["a.tar.gz", ".hidden", "..x", "v1..2.tar.gz", "x.", "a..gz", "noext", "a.b.c.pdf", ".a.html", "A.PDF"]
)
def test_the_last_two_extensions_tell_the_type_as_the_whole_name_does(name: str) -> None:
    stored = pairs_to_store(new_blob(name))
    assert "ContentType" not in stored
