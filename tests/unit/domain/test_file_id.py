"""Ids are read totally and written back unchanged."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.file_id import Backend, FileId, backend_of, check_bucket, check_scheme

any_text = st.text(alphabet=st.characters(), max_size=60)
id_like = st.builds("{}{}/{}".format, st.sampled_from(["s3:", "fs:", ""]), any_text, any_text)


@pytest.mark.parametrize(
    ("text", "backend", "bucket", "key"),
    [
        ("s3:my-bucket/reports/a1b2_report.pdf", Backend.S3, "my-bucket", "reports/a1b2_report.pdf"),
        ("s3:my-bucket/folder/", Backend.S3, "my-bucket", "folder/"),
        ("s3:my-bucket/..hidden/a..b", Backend.S3, "my-bucket", "..hidden/a..b"),
        ("s3:my-bucket/fs:odd", Backend.S3, "my-bucket", "fs:odd"),
        ("fs:files/отчёт/日本.pdf", Backend.FILESYSTEM, "files", "отчёт/日本.pdf"),
        ("group1/M00/00/00/old_contract.pdf", Backend.FASTDFS, "group1", "M00/00/00/old_contract.pdf"),
    ],
)
def test_an_id_names_backend_bucket_and_key(text: str, backend: Backend, bucket: str, key: str) -> None:
    assert FileId.parse(text) == FileId(backend, bucket, key)
    assert str(FileId.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "neither group nor file"),
        ("/", "neither group nor file"),
        ("s3:", "no bucket"),
        ("s3:/key", "no bucket"),
        ("s3:bench", "no object key"),
        ("s3:bench/", "no object key"),
        ("s3:ab/key", "not a bucket name"),
        ("s3:bench/a\0b", "a NUL at position 1"),
        ("s3:bench/a\nb", "control character U+000A"),
        ("s3:bench/\ud800", "lone surrogate U+D800"),
        ("s3:bench/" + "ä" * 513, "1026 bytes of UTF-8, 1024 are allowed"),
        ("s3:bench//key", "path segment ''"),
        ("s3:bench/a//b", "path segment ''"),
        ("s3:bench/a//", "path segment ''"),
        ("s3:bench/../up", "path segment '..'"),
        ("s3:bench/a/./b", "path segment '.'"),
        ("s3:bench/a/..", "path segment '..'"),
        ("s3:bench/a\\b", "backslash"),
        ("S3:bench/key", "written in lower case"),
        ("FS:bench/key", "written in lower case"),
        ("fs:files/../etc/passwd", "path segment '..'"),
        ("fs:files/a/./b", "path segment '.'"),
        ("fs:files//etc/passwd", "path segment ''"),
        ("fs:files/a/", "path segment ''"),
        ("fs:files/a\\b", "backslash"),
        ("fs:.incoming/a", "not a bucket name"),
        ("fs:files/" + "x" * 256, "256 bytes of UTF-8, 255 are allowed"),
        ("group1", "no file after the group"),
        ("group1/", "no file after the group"),
        ("group1/M00/00/00/файл.pdf", "ASCII"),
        ("group1/M00/00/00/a b.pdf", "no space"),
        ("group1/M00/../../etc/passwd", "'..'"),
        ("a-group-name-of-more-than-16/M00/00/00/x.pdf", "not a FastDFS group"),
        ("group1/" + "x" * 128, "128 bytes, 127 are allowed"),
    ],
)
def test_what_is_wrong_with_an_id_is_said(text: str, reason: str) -> None:
    with pytest.raises(InvalidArgumentException) as caught:
        FileId.parse(text)
    assert reason in str(caught.value)
    assert caught.value.file_id == text


@given(any_text | id_like)
@example("s3:abc/\x85")
def test_parsing_is_total_and_round_trips(text: str) -> None:
    try:
        parsed = FileId.parse(text)
    except InvalidArgumentException:
        return
    assert str(parsed) == text
    assert FileId.parse(str(parsed)) == parsed
    assert parsed.backend is backend_of(text)


@given(id_like)
def test_no_id_of_a_local_file_leaves_its_bucket(text: str) -> None:
    try:
        parsed = FileId.parse(text)
    except InvalidArgumentException:
        return
    if parsed.backend is Backend.FILESYSTEM:
        assert not {"", ".", ".."} & {parsed.bucket, *parsed.key.split("/")}
        assert "\\" not in parsed.key
        assert "\0" not in parsed.key


def test_a_mounted_scheme_is_read_before_everything_else() -> None:
    mounted = {"shelf"}
    file_id = FileId.parse("shelf:top/a.pdf", mounted)
    assert (file_id.backend, file_id.bucket, file_id.key) == ("shelf", "top", "a.pdf")
    assert str(file_id) == "shelf:top/a.pdf"
    assert FileId.parse("s3:my-bucket/a", mounted).backend is Backend.S3
    with pytest.raises(InvalidArgumentException, match="not a FastDFS group"):
        FileId.parse("shelf:top/a.pdf")
    with pytest.raises(InvalidArgumentException, match="path segment"):
        FileId.parse("shelf:top/../a.pdf", mounted)


@pytest.mark.parametrize("scheme", ["", "s", "s3", "fs", "fastdfs", "filesystem", "Shelf", "1st", "a:b", "a" * 33])
def test_a_scheme_that_cannot_be_mounted_is_refused(scheme: str) -> None:
    with pytest.raises(InvalidArgumentException, match="invalid scheme"):
        check_scheme(scheme)
    check_scheme("shelf-2")


@pytest.mark.parametrize(
    ("backend", "bucket"),
    [
        *((Backend.S3, name) for name in ("abc", "9.a", "Old_Bucket-1", "a" * 255)),
        *((Backend.FILESYSTEM, name) for name in ("a", "_", "-a.b", "a" * 255)),
        *((Backend.FASTDFS, name) for name in ("", "any name")),
        *(("shelf", name) for name in ("a", "_b")),
    ],
)
def test_a_backend_has_such_a_bucket(backend: str, bucket: str) -> None:
    check_bucket(backend, bucket)


@pytest.mark.parametrize(
    ("backend", "bucket"),
    [
        *((Backend.S3, name) for name in ("", "ab", "-abc", ".abc", "_abc", "a b", "abc/", "ü" * 3, "a" * 256)),
        *((Backend.FILESYSTEM, name) for name in ("", ".a", "..", "a/b", "ü", "a" * 256)),
        *(("shelf", name) for name in ("", ".a", "a/b")),
    ],
)
def test_a_backend_has_no_such_bucket(backend: str, bucket: str) -> None:
    with pytest.raises(InvalidArgumentException, match="invalid bucket name") as refused:
        check_bucket(backend, bucket)
    assert refused.value.backend == backend


def test_the_shortest_and_the_longest_scheme_can_be_mounted() -> None:
    for scheme in ("ab", "a1", "a" * 32):
        check_scheme(scheme)


def test_a_bucket_name_is_judged_by_its_backend() -> None:
    check_bucket(Backend.FILESYSTEM, "a")
    with pytest.raises(InvalidArgumentException, match="3 to 255"):
        check_bucket(Backend.S3, "a")


_NEARLY_PLAIN = st.from_regex(r"(?:M[0-9A-F]{2}/){0,1}[A-Za-z0-9._/\\-]{1,130}", fullmatch=True)


@example("group1", "M00/00/00/" + "a" * 115)
@example("group1", "M00/00/00/" + "a" * 118)
@example("group1", "M00/0A/FF/.")
@example("group1", "M00/00/00/..")
@example("bucket", "a/../b")
@given(st.from_regex(r"[A-Za-z0-9._-]{1,18}", fullmatch=True), _NEARLY_PLAIN)
def test_what_is_let_through_by_one_pattern_keeps_every_rule(bucket: str, key: str) -> None:
    for backend in (Backend.S3, Backend.FASTDFS):
        # The pattern is for members of the enumeration; for their texts all rules are tried in turn.
        assert _refused(backend, bucket, key) == _refused(backend.value, bucket, key)


def _refused(backend: str, bucket: str, key: str) -> str | None:
    try:
        FileId(backend, bucket, key)
    except InvalidArgumentException as error:
        return str(error)
    return None
