"""How an upload in parts that went wrong is aborted, and what is told where that fails."""

import asyncio

import pytest

from s3py_helper.adapters.s3.http.faults import Disconnected
from s3py_helper.adapters.s3.upload import multipart_upload as multipart_module
from s3py_helper.application.ports.observer import RollbackFailed
from s3py_helper.domain.errors import AccessDeniedException, PreconditionFailedException, StorageUnavailableException
from tests.support.s3.canned import CannedResponse, open_stage, refusing, xml
from tests.support.s3.object_responses import completed, created, done, in_progress
from tests.support.s3.written import GONE, LARGE, MIB, PARTS, write

pytestmark = [pytest.mark.timeout(20), pytest.mark.usefixtures("no_pauses")]


class TestAborting:
    PIECES = (LARGE[: 5 * MIB], LARGE[5 * MIB :])

    async def test_a_part_that_fails_ends_the_upload(self) -> None:
        async with open_stage(created(), refusing(403), CannedResponse(204), GONE, perf=PARTS) as s3:
            with pytest.raises(AccessDeniedException):
                await write(s3, LARGE)
        assert s3.lines[2:] == ["DELETE /docs/a?uploadId=u", "GET /docs/a?max-parts=1&uploadId=u"]

    async def test_an_abort_is_repeated_until_the_upload_is_gone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        attempts: list[int] = []

        def pause_before(attempt: int) -> float:
            attempts.append(attempt)
            return 0.0

        monkeypatch.setattr(multipart_module, "pause_before", pause_before)
        there, removed = xml("<ListPartsResult/>"), CannedResponse(204)
        answers = created(), refusing(403), removed, there, refusing(503), removed, refusing(503), GONE
        async with open_stage(*answers, perf=PARTS) as s3:
            with pytest.raises(AccessDeniedException):
                await write(s3, LARGE)
        assert attempts == [0, 1, 2]
        assert not s3.recorder.of(RollbackFailed)

    async def test_one_that_does_not_go_is_reported(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(multipart_module, "pause_before", lambda _attempt: 0.0)
        there, removed = xml("<ListPartsResult/>"), CannedResponse(204)
        async with open_stage(created(), refusing(403), *[removed, there] * 8, perf=PARTS) as s3:
            with pytest.raises(AccessDeniedException):
                await write(s3, LARGE)
        [report] = s3.recorder.of(RollbackFailed)
        assert "still has the upload after 8 aborts" in report.reason

    async def test_one_whose_bucket_is_gone_is_gone_with_it(self) -> None:
        async with open_stage(created(), refusing(403), refusing(404, "NoSuchBucket"), perf=PARTS) as s3:
            with pytest.raises(AccessDeniedException):
                await write(s3, LARGE)
        assert not s3.recorder.of(RollbackFailed)

    @pytest.mark.parametrize("denied", ["DELETE", "GET"])
    async def test_a_refused_abort_is_reported(self, denied: str) -> None:
        refusals = [refusing(403, "AccessDenied")] if denied == "DELETE" else [CannedResponse(204), refusing(403, "No")]
        async with open_stage(created(), refusing(412), *refusals, perf=PARTS) as s3:
            with pytest.raises(PreconditionFailedException):
                await write(s3, LARGE)
        [report] = s3.recorder.of(RollbackFailed)
        assert report.what == "a multipart upload, or the object s3:docs/a"

    async def test_a_refused_creation_has_made_nothing(self) -> None:
        async with open_stage(refusing(403), perf=PARTS) as s3:
            with pytest.raises(AccessDeniedException):
                await write(s3, LARGE)

    async def test_one_whose_id_nobody_learned_is_looked_for_three_times(self) -> None:
        nothing = in_progress()
        answers = (
            Disconnected(),
            in_progress("u", "v"),
            CannedResponse(204),
            GONE,
            CannedResponse(204),
            GONE,
            nothing,
            nothing,
        )
        async with open_stage(*answers, perf=PARTS) as s3:
            with pytest.raises(StorageUnavailableException):
                await write(s3, LARGE)
        assert sorted(s3.lines[1:]) == sorted(
            [
                *["GET /docs?prefix=a&uploads="] * 3,
                *(f"DELETE /docs/a?uploadId={upload}" for upload in "uv"),
                *(f"GET /docs/a?max-parts=1&uploadId={upload}" for upload in "uv"),
            ]
        )

    async def test_it_is_looked_for_again_although_the_first_look_was_refused(self) -> None:
        async with open_stage(Disconnected(), perf=PARTS, whenever={"GET": refusing(403, "AccessDenied")}) as s3:
            with pytest.raises(StorageUnavailableException):
                await write(s3, LARGE)
        assert s3.lines[1:] == ["GET /docs?prefix=a&uploads="] * 3
        assert len(s3.recorder.of(RollbackFailed)) == 3

    async def test_one_whose_caller_leaves_is_aborted(self) -> None:
        async with open_stage(created(), CannedResponse(204), GONE, perf=PARTS) as s3:
            real, begun = s3.client.send, asyncio.Event()

            async def silent(method: str, *more: object) -> object:
                if method == "PUT":
                    begun.set()
                    await asyncio.Event().wait()
                return await real(method, *more)  # type: ignore[arg-type]  # as given

            s3.client.send = silent  # type: ignore[method-assign,assignment]  # it gives what the real one gives
            writing = asyncio.create_task(write(s3, LARGE))
            await begun.wait()
            writing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await writing
        assert s3.lines[1:] == ["DELETE /docs/a?uploadId=u", "GET /docs/a?max-parts=1&uploadId=u"]

    async def test_another_that_the_first_attempt_may_have_made_is_aborted(self) -> None:
        perf = PARTS.model_copy(update={"max_retries": 1})
        answers = [created(), *map(done, self.PIECES), completed(LARGE)]
        async with open_stage(
            Disconnected(), *answers, in_progress("u", "other"), CannedResponse(204), GONE, perf=perf
        ) as s3:
            real = s3.client.send

            async def in_order(method: str, origin: str, target: str, *more: object) -> object:
                """The clean-up in the background comes last."""
                while len(s3.client.answers) > 3 and (
                    method == "DELETE" or "prefix" in target or "max-parts" in target
                ):
                    await asyncio.sleep(0.001)
                return await real(method, origin, target, *more)  # type: ignore[arg-type]  # as given

            s3.client.send = in_order  # type: ignore[method-assign,assignment]  # as the real one
            await write(s3, LARGE)
        assert s3.lines[-3:] == [
            "GET /docs?prefix=a&uploads=",
            "DELETE /docs/a?uploadId=other",
            "GET /docs/a?max-parts=1&uploadId=other",
        ]
