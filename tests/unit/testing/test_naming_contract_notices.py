"""The contract of given keys fails for what breaks a promise: each is the memory store with one mistake."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from s3py_helper.adapters.memory import MemoryBlobStore
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing import NamedWritesContract
from tests.unit.testing.mistaken import Mistake, assert_noticed, each_of, without_a_mistake

pytestmark = pytest.mark.slow


class DrawsItsOwnKey(MemoryBlobStore):
    async def create(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        return await super().create(replace(blob, key=f"{blob.key}-1"), body)


class Replaces(MemoryBlobStore):
    async def create(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        return await self.write(blob, body)


class NeverLooks(MemoryBlobStore):
    async def require_free(self, file_id: FileId) -> None:
        """Nothing is taken."""


class LooksTooEarly(MemoryBlobStore):
    async def create(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        await self.require_free(self.place_of(blob.bucket, blob.key))
        await asyncio.sleep(0)
        return await self.write(blob, body)


class KeepsAPlace(MemoryBlobStore):
    """Claims the key with an empty file."""

    async def create(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        await super().create(blob, IncomingBody(_nothing()))
        return await self.write(blob, body)


class KnowsOneBucket(MemoryBlobStore):
    def place_of(self, bucket: str | None, key: str) -> FileId:
        return super().place_of(None, key)


async def _nothing() -> AsyncIterator[bytes]:
    for chunk in list[bytes]():
        yield chunk


KIT = NamedWritesContract()
MISTAKES: list[Mistake] = [
    (DrawsItsOwnKey, KIT.test_a_file_gets_exactly_its_key, {"parts": 0.01}),
    (Replaces, KIT.test_what_is_there_stays, {"parts": 0.01}),
    (NeverLooks, KIT.test_what_is_there_stays, {"parts": 0.01}),
    (LooksTooEarly, KIT.test_of_many_at_once_one_gets_the_key, {}),
    (KeepsAPlace, KIT.test_a_body_that_breaks_leaves_the_key_free, {"parts": 0.01}),
    (KnowsOneBucket, KIT.test_a_bucket_may_be_named, {}),
]


@pytest.mark.timeout(60)
@each_of(MISTAKES)
async def test_a_mistake_is_noticed(
    mistaken: type[MemoryBlobStore], test: Callable[..., Any], arguments: dict[str, Any]
) -> None:
    await assert_noticed(mistaken, test, arguments)


def test_every_test_of_the_contract_is_known_to_notice_something() -> None:
    assert without_a_mistake(NamedWritesContract, MISTAKES) == set()
