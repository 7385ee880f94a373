"""The contracts of writing fail for stores that break a promise: each is the memory store with one mistake."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from s3py_helper.adapters.memory import MemoryBlobStore
from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import (
    FileNotFoundException,
)
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing import body_of
from s3py_helper.testing.contract.failed_writes import FailedWritesContract
from s3py_helper.testing.contract.writing import WritingContract
from tests.unit.testing.mistaken import assert_noticed, each_of, without_a_mistake

pytestmark = pytest.mark.slow


class KeepsWhatFailed(MemoryBlobStore):
    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        received = bytearray()
        try:
            async for chunk in body:
                received += chunk
        finally:
            info = await super().write(blob, body_of(bytes(received)))
        return info


class SwallowsCancellation(MemoryBlobStore):
    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        try:
            return await super().write(blob, body)
        except asyncio.CancelledError:
            return await super().write(blob, body_of(b"instead"))


class StopsOneByteEarly(MemoryBlobStore):
    @asynccontextmanager
    async def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AsyncGenerator[OpenBlob]:
        async with super().open(file_id, byte_range) as blob:
            if len(blob.span) > 1:
                shorter = ByteRange(blob.span.start, blob.span.stop - 2)
                async with super().open(file_id, shorter) as cut:
                    yield OpenBlob(blob.info, blob.span, cut.body)
            else:
                yield blob


class KeepsNamesInAscii(MemoryBlobStore):
    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        ascii_only = blob.file_name.encode("ascii", "replace").decode()
        return await super().write(replace(blob, file_name=ascii_only), body)


class ShowsTheFileTooSoon(MemoryBlobStore):
    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        await super().write(blob, body_of(b""))
        return await super().write(blob, body)


class KeepsOnlyOnePart(MemoryBlobStore):
    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        content = b"".join([chunk async for chunk in body])
        return await super().write(blob, body_of(content[: Impatient.part_size]))


class GivesUpOnSlowSources(MemoryBlobStore):
    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        async with asyncio.timeout(0.01):
            return await super().write(blob, body)


class UsesNamesAsKeys(MemoryBlobStore):
    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        return await super().write(replace(blob, key=blob.file_name), body)


class IsCancelledTooLate(MemoryBlobStore):
    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        written = await super().write(blob, body)
        await asyncio.sleep(0.02)
        return written


class CleansUpUnlessCancelledAgain(MemoryBlobStore):
    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        begun = await super().write(replace(blob, key=f"{blob.key}.part"), body_of(b""))
        try:
            return await super().write(blob, body)
        finally:
            await asyncio.sleep(0.01)
            await self.delete(begun.file_id)


class KnowsItsOwnIdsOnly(MemoryBlobStore):
    """Ids that were written down are other objects."""

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[int, FileId] = {}

    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        written = await super().write(blob, body)
        self._known[id(written.file_id)] = written.file_id
        return written

    @asynccontextmanager
    async def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AsyncGenerator[OpenBlob]:
        if id(file_id) not in self._known:
            raise FileNotFoundException("never seen")
        async with super().open(file_id, byte_range) as blob:
            yield blob


class Impatient(WritingContract, FailedWritesContract):
    __test__ = False
    part_size = 64 * 1024
    settles_within = 0.1


KIT = Impatient()
MISTAKES: list[tuple[type[MemoryBlobStore], Callable[..., Any], dict[str, Any]]] = [
    (KeepsWhatFailed, KIT.test_a_source_that_raises_leaves_nothing, {"parts": 0.5}),
    (KeepsWhatFailed, KIT.test_a_wrong_size_is_refused_and_leaves_nothing, {"parts": 0.5, "wrong_by": 1}),
    (KeepsWhatFailed, KIT.test_a_cancelled_write_leaves_nothing, {"parts": 0.5}),
    (KeepsWhatFailed, KIT.test_too_many_bytes_leave_nothing, {}),
    (SwallowsCancellation, KIT.test_a_cancelled_write_leaves_nothing, {"parts": 0.5}),
    (StopsOneByteEarly, KIT.test_a_file_comes_back_as_it_was, {"size": 1023, "declared": True}),
    (StopsOneByteEarly, KIT.test_the_bytes_do_not_depend_on_the_chunks_they_come_in, {"seed": 1}),
    (KeepsNamesInAscii, KIT.test_a_name_in_any_script_is_kept, {"name": "合同.pdf"}),
    (ShowsTheFileTooSoon, KIT.test_a_file_is_not_visible_before_its_last_byte, {}),
    (KeepsWhatFailed, KIT.test_a_declared_size_without_any_byte_is_refused_and_leaves_nothing, {}),
    (IsCancelledTooLate, KIT.test_a_write_cancelled_at_any_moment_leaves_nothing, {"parts": 0.01}),
    (CleansUpUnlessCancelledAgain, KIT.test_a_write_cancelled_twice_still_cleans_up, {}),
    (KeepsOnlyOnePart, KIT.test_a_file_of_several_parts_comes_back_as_it_was, {"parts": 2.3, "declared": True}),
    (KeepsOnlyOnePart, KIT.test_one_byte_more_than_a_part_is_kept, {}),
    (GivesUpOnSlowSources, KIT.test_a_slow_source_is_waited_for, {}),
    (UsesNamesAsKeys, KIT.test_equal_names_are_different_files, {}),
    (KnowsItsOwnIdsOnly, KIT.test_the_id_survives_being_written_down, {}),
]


@each_of(MISTAKES)
async def test_a_mistake_is_noticed(
    mistaken: type[MemoryBlobStore], test: Callable[..., Any], arguments: dict[str, Any]
) -> None:
    await assert_noticed(mistaken, test, arguments)


def test_every_test_of_the_contracts_is_known_to_notice_something() -> None:
    assert without_a_mistake(Impatient, MISTAKES) == set()
