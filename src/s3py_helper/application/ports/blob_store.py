"""The port to where bytes live."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from s3py_helper.application.ports.region import Region
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.byte_range import ByteRange, Span
from s3py_helper.domain.file_id import FileId


@dataclass(frozen=True, slots=True)
class OpenBlob:
    """A blob whose bytes are on their way.

    Attributes:
        info: What is known of the whole blob.
        span: The bytes that `body` yields.
        body: Chunks of non-empty `bytes`, once. It ends after exactly `len(span)` bytes or raises.
        pieces: To be read instead of `body` by those who send the bytes on: the same bytes, some of them as regions,
            checked as far as `body` is; the last piece is always `bytes`. `None` where none of them are in a file of
            this machine.
    """

    info: BlobInfo
    span: Span
    body: AsyncIterator[bytes]
    pieces: AsyncIterator[bytes | Region] | None = None


class BlobStore(Protocol):
    """Where bytes live: one backend each, no policy.

    Callers guarantee: names, keys, ids and ranges are valid domain values, keys are fresh, ids belong to this backend.

    Implementers owe, for every method:
    - it raises nothing but `StorageException`s (and what the body or a cancellation raises); errors of the SDK, the
      network and the operating system are translated;
    - errors, cancellations and readers that leave early release connections, descriptors and tasks at once;
    - before opening and after closing it raises a `StorageOperationException` that says so;
    - calls may run concurrently.

    `s3py_helper.testing` holds these promises as tests.
    """

    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        """Store the body; returns what is known of it without another round trip (at least its id and size).

        The file becomes visible with its last byte. When the body raises, or the call fails or is cancelled, nothing
        stays behind. The body checks its own size: stores that read it to its end need not do so.
        """
        ...

    def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AbstractAsyncContextManager[OpenBlob]:
        """Information and bytes in as few round trips as the backend allows; leaving the block releases everything.

        Entering raises `FileNotFoundException` for a missing file and `InvalidRangeException` when no byte lies in the
        range. Iterating raises `IntegrityException` where bytes turn out to be wrong or missing.
        """
        ...

    async def info(self, file_id: FileId) -> BlobInfo:
        """What is known of a file. Raises `FileNotFoundException` when there is none."""
        ...

    async def delete(self, file_id: FileId) -> None:
        """Remove a file. A missing one raises `FileNotFoundException`, except on S3, where deleting is idempotent."""
        ...
