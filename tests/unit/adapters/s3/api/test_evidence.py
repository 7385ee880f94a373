"""How much is read of a response whose body is no object."""

import pytest

from s3py_helper.adapters.s3.api.evidence import beginning, refusal
from s3py_helper.adapters.s3.api.xml import NotXml, read_xml
from s3py_helper.adapters.s3.http.faults import BrokenOff
from tests.support.s3.canned import CannedResponse

HALF = 32 * 1024


class Pieces(CannedResponse):
    """A body that comes piece by piece."""

    def __init__(self, *pieces: bytes, fault: Exception | None = None) -> None:
        super().__init__(fault=fault)
        self.pieces = list(pieces)

    def take(self) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""


@pytest.mark.parametrize(
    ("sizes", "count"), [([], 0), ([1, 2, 3], 3), ([HALF, HALF, 1], 2), ([HALF, HALF - 1, 5, 1], 3)], ids=str
)
async def test_a_body_is_read_to_its_end_or_until_it_is_too_much(sizes: list[int], count: int) -> None:
    for read in (beginning, refusal):
        response = Pieces(*map(bytes, sizes))
        assert len(await read(response)) == sum(sizes[:count])
        assert len(response.pieces) == len(sizes) - count


async def test_what_has_come_of_a_refusal_counts_and_of_a_confirmation_does_not() -> None:
    pieces = b"<Error>", b"<Code>"
    assert await refusal(Pieces(*pieces, fault=BrokenOff())) == b"<Error><Code>"
    with pytest.raises(BrokenOff):
        await beginning(Pieces(*pieces, fault=BrokenOff()))


async def test_a_document_may_come_in_pieces_up_to_8_mib() -> None:
    mib = 1024 * 1024
    front, end = b"<ListBucketResult><A>", b"</A></ListBucketResult>"
    whole = [front, *[b"x" * mib] * 7, b"x" * (mib - len(front + end)), end]
    assert len((await read_xml(Pieces(*whole))).text_of("A")) == 8 * mib - len(front + end)
    too_large = Pieces(front, *[b"x" * mib] * 9, end)
    with pytest.raises(NotXml, match="more than 8388608 bytes"):
        await read_xml(too_large)
    assert len(too_large.pieces) == 2, "it is read no further"
