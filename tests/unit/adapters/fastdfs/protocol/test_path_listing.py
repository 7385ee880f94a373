"""Listings of store paths, in whatever pieces they come, whole or not."""

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.connection import FramedConnection
from s3py_helper.adapters.fastdfs.protocol.faults import Peer, ProtocolFault, Role
from s3py_helper.adapters.fastdfs.protocol.path_listing import PathListing
from s3py_helper.adapters.fastdfs.protocol.storage_client import StorageClient

_NAMES = st.lists(st.from_regex(rb"M00/[0-9A-F]{2}/00/[!-~]{1,20}", fullmatch=True), max_size=12)


class _Pieces:
    """Of a connection what a listing needs of it."""

    peer = Peer(Role.STORAGE, Address("127.0.0.3", 23000))

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]

    async def receive_until_closed(self, size: int, *, allowance: float) -> bytes:
        assert size > 0
        assert allowance > 0
        return self._pieces.pop(0) if self._pieces else b""


async def _listed(pieces: Sequence[bytes]) -> tuple[list[bytes], bool]:
    listing = PathListing(StorageClient(cast("FramedConnection", _Pieces(pieces)), "group1"))
    names: list[bytes] = []
    while (batch := await listing.next_names()) is not None:
        assert not listing.complete
        names += batch
    return names, listing.complete


def _lines(names: Sequence[bytes]) -> bytes:
    return b"".join(b"1800000000 %b %b\n" % (b"Cc"[number % 2 :][:1], name) for number, name in enumerate(names))


def _whole(names: Sequence[bytes]) -> bytes:
    text = _lines(names)
    return text + len(text).to_bytes(8)


def _cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    borders = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:stop] for start, stop in pairwise(borders)]


@given(_NAMES, st.lists(st.integers(0, 1000), max_size=8))
async def test_a_whole_listing_is_whole_however_it_comes(names: list[bytes], places: list[int]) -> None:
    assert await _listed(_cut(_whole(names), places)) == (names, True)


@given(_NAMES, st.integers(1, 1000), st.lists(st.integers(0, 1000), max_size=8))
async def test_one_that_breaks_off_is_not(names: list[bytes], missing: int, places: list[int]) -> None:
    whole = _whole(names)
    listed, complete = await _listed(_cut(whole[: max(0, len(whole) - missing)], places))
    assert not complete
    assert listed == names[: len(listed)], "no name is cut"


@pytest.mark.parametrize("size", [10, 266, 2560, 2570])
async def test_a_trailer_may_have_line_breaks_in_it(size: int) -> None:
    name = b"y" * (size - 5)
    text = b"1 C " + name + b"\n"
    assert b"\n" in len(text).to_bytes(8)
    assert await _listed([text + len(text).to_bytes(8)]) == ([name], True)


@pytest.mark.parametrize("trailer", [b"\0" * 8, b"\0" * 7 + b"\1", b"\xff" * 8, b""])
async def test_a_number_that_is_not_that_of_the_bytes_is_no_end(trailer: bytes) -> None:
    _, complete = await _listed([_lines([b"M00/00/00/x"] * 3) + trailer])
    assert not complete


async def test_what_a_link_leads_to_is_no_name_of_its_own() -> None:
    text = b"1800000000 L M00/00/00/slave M00/00/00/other\n"
    assert await _listed([text + len(text).to_bytes(8)]) == ([b"M00/00/00/slave"], True)


@pytest.mark.parametrize(
    "line", [b"\n", b"1800000000\n", b"1800000000 C\n", b"1 C M00/00/00/\xff\n", b"\0" * 20 + b"\n"]
)
async def test_what_is_no_record_is_an_error(line: bytes) -> None:
    with pytest.raises(ProtocolFault, match="no record of a file"):
        await _listed([line + b"x" * 8])
