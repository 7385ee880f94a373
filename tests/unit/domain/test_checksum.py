"""Checksums of whole files."""

import pytest

from s3py_helper.domain.checksum import Checksum


@pytest.mark.parametrize(
    ("value", "text"), [(0, "crc32:00000000"), (0xAB, "crc32:000000ab"), (2**32 - 1, "crc32:ffffffff")]
)
def test_a_crc32_has_eight_digits(value: int, text: str) -> None:
    checksum = Checksum.crc32(value)
    assert str(checksum) == text
    assert Checksum.parse(text) == checksum
    assert checksum.crc32_value == value


def test_another_algorithm_has_no_crc32() -> None:
    checksum = Checksum.parse("sha256:00ff")
    assert (checksum.algorithm, checksum.hex_digest, checksum.crc32_value) == ("sha256", "00ff", None)
