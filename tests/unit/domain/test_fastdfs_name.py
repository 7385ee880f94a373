"""Names that real FastDFS servers gave, and names that nobody gave."""

import base64
import struct
from datetime import UTC, datetime
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.domain.fastdfs_name import FastdfsName, NameShape

_HELLO = "M00/00/00/fwAAAmsCvSWAZvKkAAAABTYQpoY"
"""Of five bytes; what follows tells a master from its slaves."""


def _decoded(name: str) -> FastdfsName:
    decoded = FastdfsName.decode(name)
    assert decoded is not None
    return decoded


def _name_from(source: bytes) -> FastdfsName:
    fields = source + struct.pack("!IQI", 1_800_000_000, 1 << 63 | 5, 0x3610A686)
    return _decoded(f"M00/00/00/{base64.b64encode(fields, b'-_').decode().rstrip('=')}966.txt")


def test_a_normal_file_tells_source_time_size_and_crc() -> None:
    assert FastdfsName.decode(f"{_HELLO}966.txt") == FastdfsName(
        source=bytes([127, 0, 0, 2]),
        created_at=datetime(2026, 11, 22, 10, 0, 5, tzinfo=UTC),
        size=5,
        crc32=crc32(b"hello"),
        appender=False,
    )


def test_a_second_real_name() -> None:
    decoded = _decoded("M00/09/00/fwAABGsCvwCAW15-AAAADFPHxQg806.bin")
    assert decoded.is_from("127.0.0.4")
    assert (decoded.size, decoded.crc32) == (12, 0x53C7C508)


@pytest.mark.parametrize(
    ("source", "host", "server_id"),
    [
        ("7f000002", "127.0.0.2", ""),
        ("7f000002", "127.0.0.2", "127.0.0.2"),
        ("a1860100", "10.0.0.1", "100001"),
        ("01000000", "10.0.0.1", "1"),
        ("ffffff00", "10.0.0.1", "16777215"),
        ("0a000005", "10.0.0.5", "100001"),
        ("0a010200", "10.1.2.0", ""),
        ("89abcdef", "2001:db8:1:2:89ab:cdef:1:5", ""),
        ("00000000", "fe80::1", ""),
    ],
    ids=str,
)
def test_a_source_is_known_by_its_address_or_its_id(source: str, host: str, server_id: str) -> None:
    assert _name_from(bytes.fromhex(source)).is_from(host, server_id)


@pytest.mark.parametrize(
    ("source", "host", "server_id"),
    [
        ("7f000002", "127.0.0.3", "127.0.0.3"),
        ("7f000002", "2.0.0.127", ""),
        ("a1860100", "0.1.134.161", "100002"),
        ("000186a1", "10.0.0.1", "100001"),
        ("ffffffff", "255.255.255.255", ""),
        ("00000000", "10.0.0.1", "0"),
        ("00000001", "10.0.0.1", "16777216"),
        ("01000000", "10.0.0.1", "-1"),
        ("01000000", "10.0.0.1", "\N{ARABIC-INDIC DIGIT ONE}"),
        ("01000000", "a.host.name", "9" * 5000),
        ("20010db8", "2001:db8::1", ""),
    ],
    ids=lambda value: str(value)[:20],
)
def test_another_server_is_not_the_source(source: str, host: str, server_id: str) -> None:
    assert not _name_from(bytes.fromhex(source)).is_from(host, server_id)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("7f000002", "127.0.0.2"),
        ("a1860100", "100001"),
        ("ffffff00", "16777215"),
        ("00000001", "0.0.0.1"),
        ("00000000", "0.0.0.0"),
        ("ffffffff", ""),
    ],
)
def test_a_source_can_be_shown(source: str, text: str) -> None:
    assert _name_from(bytes.fromhex(source)).source_text == text


@pytest.mark.parametrize(
    "tail", ["1234567", "12345.a", "123.txt", ".abcdef", "1.a.b_-", "12..tar", "..abcde", "......."]
)
def test_a_masters_name_tells_its_size(tail: str) -> None:
    decoded = _decoded(_HELLO + tail)
    assert (decoded.size, decoded.crc32) == (5, crc32(b"hello"))


@pytest.mark.parametrize(
    "tail",
    [
        "966_200x200.txt",
        "966-big",
        "123-b.j",
        "_s.jpg",
        "-big.jpg",
        "_a.jpeg",
        "12345_x",
        "1234567_m",
        "",
        "123456",
        "12345678",
        "966.t x",
        "123456.",
        "-123456",
    ],
)
def test_a_slaves_name_does_not_tell_its_own_size(tail: str) -> None:
    decoded = _decoded(_HELLO + tail)
    assert (decoded.size, decoded.crc32) == (None, None)


@pytest.mark.parametrize(
    ("tail", "size"),
    [
        ("AAAAAAAAAQAAACgA123.txt", 5),
        ("AAAAAAAAAQAAACgA1234567", 5),
        ("AAAAAAAAAQAAACgA_s.jpg", None),
        ("AAAAAAAAAQAAACgA966-big", None),
        ("123.txt", None),
    ],
)
def test_a_trunk_files_name_has_its_place_before_the_tail(tail: str, size: int | None) -> None:
    fields = struct.pack("!4sIQI", bytes([127, 0, 0, 2]), 1_800_000_000, 1 << 63 | 1 << 59 | 5, 0x3610A686)
    decoded = _decoded(f"M00/00/00/{base64.b64encode(fields, b'-_').decode().rstrip('=')}{tail}")
    assert decoded.size == size


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("f6xpA2sHdm-AdINpAAAACQ0NXE4217.txt", NameShape.NORMAL),
        ("f6KUA2sHeOOAUeRpAB6EgDWrEJQ250.txt", NameShape.NORMAL),
        ("f6xpA2sHdm-EM_r2AAAAAPzEP28611.txt", NameShape.APPENDER),
        ("f6xpA2sHdm-AdINpAAAACQ0NXE4217_150x150.jpg", NameShape.SLAVE),
        ("f6xpA2sHdm-AdINpAAAACQ0NXE4217_s.jpg", NameShape.SLAVE),
        ("f6xpA2sHdm-AdINpAAAACQ0NXE4217_e", NameShape.SHORT_SLAVE),
        ("f6xpA2sHdm-AdINpAAAACQ0NXE4217-big", NameShape.SHORT_SLAVE),
        ("f6KUA2sHeOOILQEHAAAAgq-Az6EAAAAAQAAAAAAAAEA279.txt", NameShape.TRUNK),
        ("f6KUA2sHeOOIJn65AAAAAAAAAAAAAAAAQAAAQAAAAEA844.txt", NameShape.TRUNK),
        ("f6KUA2sHeOOILQEHAAAAgq-Az6EAAAAAQAAAAAAAAEA279_s.jpg", NameShape.SLAVE),
        ("f6KUA2sHeOOILQEHAAAAgq-Az6EAAAAAQAAAAAAAAEA279_1234", NameShape.SLAVE),
        ("f6KUA2sHeOOILQEHAAAAgq-Az6EAAAAAQAAAAAAAAEA279_12", NameShape.SHORT_SLAVE),
        ("f6KUA2sHeOOILQEHAAAAgq-Az6EAAAAAQAAAAAAAAEA279-b", NameShape.SHORT_SLAVE),
        ("f6KUA2sHeOOILQEHAAAAgq-Az6EAAAAAQAAAAAAAAEA279-big", NameShape.UNREACHABLE_SLAVE),
        ("f6KUA2sHeOOILQEHAAAAgq-Az6EAAAAAQAAAAAAAAEA279_123", NameShape.UNREACHABLE_SLAVE),
    ],
)
def test_real_names_show_what_servers_take_them_for(name: str, shape: NameShape) -> None:
    assert _decoded(f"M00/00/00/{name}").shape is shape


@pytest.mark.parametrize("size", [0, 1, (1 << 32) - 1, 1 << 32, (1 << 32) + 12_345, (1 << 58) - 1])
def test_sizes_on_both_sides_of_4_gib(size: int) -> None:
    field = size if size >= 1 << 32 else 1 << 63 | 0x7FFFFF << 32 | size
    fields = struct.pack("!4sIQI", bytes(4), 0, field, 0)
    assert _decoded(f"M00/00/00/{base64.b64encode(fields, b'-_').decode().rstrip('=')}0000000").size == size


def test_a_file_that_can_grow_does_not_tell_its_size() -> None:
    fields = struct.pack("!4sIQI", bytes(4), 0, 1 << 63 | 1 << 58, 7)
    decoded = _decoded(f"M00/00/00/{base64.b64encode(fields, b'-_').decode().rstrip('=')}0000000")
    assert (decoded.appender, decoded.size, decoded.crc32) == (True, None, None)


@pytest.mark.parametrize("name", ["M00/00/00/old_contract.pdf", "M00/00/00/", "", "x", "M0/00/00/" + "A" * 34])
def test_a_name_that_no_server_gave_is_not_decoded(name: str) -> None:
    assert FastdfsName.decode(name) is None


@given(st.from_regex(r"M[0-9A-F]{2}/[0-9A-F]{2}/[0-9A-F]{2}/[A-Za-z0-9_-]{27}[!-.0-~]{0,24}", fullmatch=True))
def test_decoding_never_fails_otherwise(name: str) -> None:
    decoded = FastdfsName.decode(name)
    assert decoded is not None
    assert decoded.size is None or decoded.size >= 0
    decoded.is_from("127.0.0.1", "1")
