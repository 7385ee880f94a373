"""Names that a real FastDFS 6.16.1 gave, and names that nobody gave."""

from datetime import UTC, datetime
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.domain.fastdfs_name import FastdfsName


def test_a_normal_file_tells_source_time_size_and_crc() -> None:
    decoded = FastdfsName.decode("M00/00/00/fwAAAmsCvSWAZvKkAAAABTYQpoY966.txt")
    assert decoded == FastdfsName(
        source="127.0.0.2",
        created_at=datetime(2026, 11, 22, 10, 0, 5, tzinfo=UTC),
        size=5,
        crc32=crc32(b"hello"),
        appender=False,
    )


def test_a_second_real_name() -> None:
    decoded = FastdfsName.decode("M00/09/00/fwAABGsCvwCAW15-AAAADFPHxQg806.bin")
    assert decoded is not None
    assert (decoded.source, decoded.size, decoded.crc32) == ("127.0.0.4", 12, 0x53C7C508)


def test_a_slave_file_does_not_tell_its_own_size() -> None:
    decoded = FastdfsName.decode("M00/00/00/fwAAAmsCvSWAZvKkAAAABTYQpoY966_200x200.txt")
    assert decoded is not None
    assert decoded.size is None
    assert decoded.crc32 is None


@pytest.mark.parametrize("name", ["M00/00/00/old_contract.pdf", "M00/00/00/", "", "x", "M0/00/00/" + "A" * 34])
def test_a_name_that_no_server_gave_is_not_decoded(name: str) -> None:
    assert FastdfsName.decode(name) is None


@given(st.from_regex(r"M[0-9A-F]{2}/[0-9A-F]{2}/[0-9A-F]{2}/[A-Za-z0-9_-]{27}[0-9a-z.]{0,24}", fullmatch=True))
def test_decoding_never_fails_otherwise(name: str) -> None:
    decoded = FastdfsName.decode(name)
    assert decoded is None or decoded.size is None or decoded.size >= 0
