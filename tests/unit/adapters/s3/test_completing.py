"""When an upload in parts counts as completed, and what is removed where it does not."""

import zlib

import pytest

from s3py_helper.adapters.s3.api.error_response import ErrorResponse
from s3py_helper.adapters.s3.http.faults import Disconnected
from s3py_helper.application.ports.observer import RollbackFailed
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.errors import (
    AccessDeniedException,
    IntegrityException,
    StorageException,
    StorageUnavailableException,
)
from tests.support.s3.canned import CannedResponse, open_stage, refusing, xml
from tests.support.s3.object_responses import completed, head, in_progress
from tests.support.s3.written import GONE, LARGE, LARGE_SENT, PARTS, write

pytestmark = [pytest.mark.timeout(20), pytest.mark.usefixtures("no_pauses")]


class TestCompletion:
    SENT = LARGE_SENT
    REMOVED = CannedResponse(204)

    @pytest.mark.parametrize("answer", [refusing(500), Disconnected(), refusing(404, "NoSuchUpload"), xml("<Result/>")])
    async def test_one_that_nobody_confirmed_counts_when_the_object_is_there(
        self, answer: CannedResponse | Exception
    ) -> None:
        async with open_stage(*self.SENT, answer, head(LARGE), perf=PARTS) as s3:
            written = await write(s3, LARGE)
        assert (written.etag, written.checksum) == ('"h"', Checksum.crc32(zlib.crc32(LARGE)))

    async def test_its_sum_may_be_unknown(self) -> None:
        there = CannedResponse(200, {"etag": '"h"', "content-length": str(len(LARGE))})
        async with open_stage(*self.SENT, Disconnected(), there, perf=PARTS) as s3:
            written = await write(s3, LARGE)
        assert (written.etag, written.checksum) == ('"h"', None)

    @pytest.mark.parametrize("found", [head(LARGE + b"!"), head(LARGE[1:])])
    async def test_and_not_when_something_else_is(self, found: CannedResponse) -> None:
        answers = refusing(500), self.REMOVED, GONE, *[self.REMOVED] * 3
        async with open_stage(*self.SENT, *answers, perf=PARTS, whenever={"HEAD": found}) as s3:
            with pytest.raises(StorageUnavailableException, match="HTTP 500") as raised:
                await write(s3, LARGE)
        assert raised.value.__cause__ is not None
        assert "DELETE /docs/a" in s3.lines
        assert s3.lines.index("DELETE /docs/a?uploadId=u") < s3.lines.index("DELETE /docs/a")

    @pytest.mark.parametrize("missing", [refusing(404, "NoSuchKey"), refusing(404, "NoSuchBucket")])
    async def test_nor_when_nothing_is(self, missing: CannedResponse) -> None:
        answers = refusing(500), self.REMOVED, GONE, self.REMOVED
        async with open_stage(*self.SENT, *answers, perf=PARTS, whenever={"HEAD": missing}) as s3:
            with pytest.raises(StorageUnavailableException, match="HTTP 500") as raised:
                await write(s3, LARGE)
        assert isinstance(raised.value.__cause__, ErrorResponse)
        assert not s3.recorder.of(RollbackFailed)

    @pytest.mark.parametrize("status", [400, 403])
    async def test_a_refusal_is_final(self, status: int) -> None:
        async with open_stage(*self.SENT, refusing(status), self.REMOVED, GONE, self.REMOVED, perf=PARTS) as s3:
            with pytest.raises(StorageException):
                await write(s3, LARGE)
        assert s3.lines[4:] == [
            "DELETE /docs/a?uploadId=u",
            "GET /docs/a?max-parts=1&uploadId=u",
            "DELETE /docs/a",
        ]

    async def test_that_its_creation_was_uncertain_says_nothing_of_it(self) -> None:
        perf = PARTS.model_copy(update={"max_retries": 1})
        answers = Disconnected(), *self.SENT, refusing(403), GONE, self.REMOVED
        async with open_stage(*answers, perf=perf, whenever={"GET": in_progress("u")}) as s3:
            with pytest.raises(AccessDeniedException):
                await write(s3, LARGE)
        assert [line for line in s3.lines if "GET" not in line][-2:] == ["DELETE /docs/a?uploadId=u", "DELETE /docs/a"]

    async def test_another_sum_is_refused_and_the_object_removed(self) -> None:
        async with open_stage(*self.SENT, completed(b"other"), GONE, self.REMOVED, perf=PARTS) as s3:
            with pytest.raises(IntegrityException, match=r"other bytes than were sent; .*key 'a'") as raised:
                await write(s3, LARGE)
        assert (raised.value.operation, raised.value.backend) == ("upload", "s3")
        assert s3.lines[-1] == "DELETE /docs/a"

    async def test_the_object_is_removed_although_its_upload_cannot_be_aborted(self) -> None:
        async with open_stage(*self.SENT, refusing(400), refusing(403), self.REMOVED, perf=PARTS) as s3:
            with pytest.raises(StorageException):
                await write(s3, LARGE)
        assert s3.lines[-1] == "DELETE /docs/a"
        assert len(s3.recorder.of(RollbackFailed)) == 1
