"""A store that breaks on demand."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal, cast

from s3py_helper.application.ports.blob_store import BlobStore, OpenBlob
from s3py_helper.application.ports.copying import ServerSideCopy
from s3py_helper.application.ports.health import HealthCheck
from s3py_helper.application.ports.listing import Listing
from s3py_helper.application.ports.naming import NamedWrites
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.file_id import FileId

type Operation = Literal["write", "open", "read", "info", "delete", "list", "copy", "check"]
"""Methods of the ports; `read` is the iteration over the body of an opened blob."""


@dataclass(slots=True, eq=False)
class Gate:
    """A point at which an operation waits.

    Attributes:
        reached: Set when an operation waits here.
        released: Set it to let the operation go on.
    """

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def passed(self) -> None:
        """Wait until released."""
        self.reached.set()
        await self.released.wait()


@dataclass(slots=True)
class _Staged:
    what: BaseException | Gate
    after_bytes: int
    times: int


class FailingStore:
    """Wraps a store, and does what that does unless a failure or a delay is staged.

    It lists, copies, takes given keys and checks its health where the wrapped store does so itself; one without a check
    is healthy.

    Attributes:
        calls: How often each operation was begun.
    """

    def __init__(self, store: BlobStore) -> None:
        self.calls: Counter[Operation] = Counter()
        self._store = store
        self._staged: dict[Operation, list[_Staged]] = {}

    def fail(self, operation: Operation, error: BaseException, *, times: int = 1, after_bytes: int = 0) -> None:
        """Make the next `times` calls raise `error`; `write` and `read` do so when `after_bytes` bytes have passed.

        Several stages of one operation take effect one after the other.
        """
        self._staged.setdefault(operation, []).append(_Staged(error, after_bytes, times))

    def hold(self, operation: Operation, *, times: int = 1, after_bytes: int = 0) -> Gate:
        """Make the next `times` calls wait at the gate that is returned, then go on as usual."""
        gate = Gate()
        self._staged.setdefault(operation, []).append(_Staged(gate, after_bytes, times))
        return gate

    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        """As the store's, staged as `write`."""
        return await self._store.write(blob, self._staged_body(body))

    def place_of(self, bucket: str | None, key: str) -> FileId:
        """As the store's."""
        return cast("NamedWrites", self._store).place_of(bucket, key)

    async def require_free(self, file_id: FileId) -> None:
        """As the store's, staged as `info`."""
        await self._stage("info")
        await cast("NamedWrites", self._store).require_free(file_id)

    async def create(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        """As the store's, staged as `write`."""
        return await cast("NamedWrites", self._store).create(blob, self._staged_body(body))

    @asynccontextmanager
    async def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AsyncGenerator[OpenBlob]:
        """As the store's, staged as `open`; its body is staged as `read`."""
        await self._stage("open")
        async with self._store.open(file_id, byte_range) as blob:
            staged = self._next("read")
            if staged is None:
                yield blob
                return
            async with aclosing(_disturbed(blob.body, staged)) as body:
                yield OpenBlob(blob.info, blob.span, body)

    async def info(self, file_id: FileId) -> BlobInfo:
        """As the store's, staged as `info`."""
        await self._stage("info")
        return await self._store.info(file_id)

    async def delete(self, file_id: FileId) -> None:
        """As the store's, staged as `delete`."""
        await self._stage("delete")
        await self._store.delete(file_id)

    @asynccontextmanager
    async def list(
        self, prefix: str = "", *, bucket: str | None = None, after: str = ""
    ) -> AsyncGenerator[AsyncIterator[BlobInfo]]:
        """As the store's, staged as `list`."""
        await self._stage("list")
        async with cast("Listing", self._store).list(prefix, bucket=bucket, after=after) as blobs:
            yield blobs

    async def copy(self, source: FileId, target: NewBlob) -> BlobInfo:
        """As the store's, staged as `copy`."""
        await self._stage("copy")
        return await cast("ServerSideCopy", self._store).copy(source, target)

    async def check(self) -> None:
        """As the store's, staged as `check`."""
        await self._stage("check")
        if hasattr(self._store, "check"):
            await cast("HealthCheck", self._store).check()

    def _staged_body(self, body: IncomingBody) -> IncomingBody:
        staged = self._next("write")
        # The declared size stays with the inner body, which sees every byte; the outer one only carries the failure.
        return body if staged is None else IncomingBody(_disturbed(body, staged))

    def _next(self, operation: Operation) -> _Staged | None:
        self.calls[operation] += 1
        for staged in self._staged.get(operation, ()):
            if staged.times:
                staged.times -= 1
                return staged
        return None

    async def _stage(self, operation: Operation) -> None:
        if staged := self._next(operation):
            await _happen(staged)


async def _disturbed(chunks: AsyncIterator[bytes], staged: _Staged) -> AsyncGenerator[bytes]:
    """The chunks with the staged event after `after_bytes` bytes, or at the end when there are fewer."""
    left: int | None = staged.after_bytes
    if left == 0:
        left = None
        await _happen(staged)
    async for chunk in chunks:
        if left is None or len(chunk) < left:
            left = None if left is None else left - len(chunk)
            yield chunk
            continue
        yield chunk[:left]
        await _happen(staged)
        if rest := chunk[left:]:
            yield rest
        left = None
    if left is not None:
        await _happen(staged)


async def _happen(staged: _Staged) -> None:
    if isinstance(staged.what, Gate):
        await staged.what.passed()
    else:
        raise staged.what


_store: type[BlobStore] = FailingStore
_listing: type[Listing] = FailingStore
_copying: type[ServerSideCopy] = FailingStore
_health: type[HealthCheck] = FailingStore
