"""What is told of a file's bytes, which uploaders choose."""

import pytest

from s3py_helper.entrypoints.http.media_types import content_codings


@pytest.mark.parametrize("stored", ["gzip", "GZIP", "br", "gzip, br", "gzip,zstd", "x-gzip"])
def test_codings_are_passed_on(stored: str) -> None:
    assert content_codings(stored) == stored


@pytest.mark.parametrize(
    "stored",
    [None, "", "identity", "Identity", "gzip, ", ",gzip", "gzip br", "gzip;q=1", "gzip\r\nX: y", "größe", "a" + "\n"],
)
def test_what_is_no_coding_is_not(stored: str | None) -> None:
    assert content_codings(stored) is None
