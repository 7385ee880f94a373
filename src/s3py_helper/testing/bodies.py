"""Bodies of uploads, well-behaved and otherwise, and a way to read files back."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Mapping

from s3py_helper.application.ports.blob_store import BlobStore
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.content_type import guess_content_type
from s3py_helper.domain.file_id import MAX_SEGMENT_BYTES, FileId
from s3py_helper.domain.object_key import new_object_key
from s3py_helper.domain.text_rules import utf8_length

type Content = bytes | Iterable[bytes] | AsyncIterable[bytes]


def body_of(content: Content, *, size: int | None = None, limit: int | None = None) -> IncomingBody:
    """The body of an upload: `content` in one chunk, or in the chunks given.

    `size` is what the caller declares (nothing by default, so that the size is unknown), `limit` what is allowed.
    """
    source = aiter(content) if isinstance(content, AsyncIterable) else one_by_one(content)
    return IncomingBody(source, size=size, limit=limit)


def new_blob(
    file_name: str = "sample.bin",
    *,
    size: int | None = None,
    folder: str | None = None,
    bucket: str | None = None,
    content_type: str | None = None,
    metadata: Mapping[str, str] | None = None,
) -> NewBlob:
    """A file on its way in, under a fresh key in which the name stands as it is, blanks and all, where it fits.

    Applications and earlier versions have stored such keys; what the kit makes today has less in it.
    """
    prefix = new_object_key("x")[:-1]
    fits = utf8_length(prefix + file_name) <= MAX_SEGMENT_BYTES
    parent = f"{folder}/" if folder else ""
    return NewBlob(
        key=f"{parent}{prefix}{file_name}" if fits else new_object_key(file_name, folder),
        file_name=file_name,
        bucket=bucket,
        content_type=content_type or guess_content_type(file_name),
        size=size,
        metadata=dict(metadata or {}),
    )


async def read_all(store: BlobStore, file_id: FileId, byte_range: ByteRange | None = None) -> bytes:
    """The bytes of a stored file."""
    async with store.open(file_id, byte_range) as blob:
        return b"".join([chunk async for chunk in blob.body])


async def one_by_one(content: bytes | Iterable[bytes], *, pause: float = 0) -> AsyncIterator[bytes]:
    """The chunks, with `pause` seconds before each."""
    for chunk in [content] if isinstance(content, bytes) else content:
        await asyncio.sleep(pause)
        yield chunk


async def breaking_after(chunks: Iterable[bytes], error: BaseException) -> AsyncIterator[bytes]:
    """The chunks, then the error."""
    for chunk in chunks:
        yield chunk
    raise error


class StalledSource:
    """Yields its chunks, then nothing until it is released: a client that stops sending.

    Attributes:
        reached: Set when all chunks were taken and the reader waits for more.
        released: Set it to let the source end.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.reached = asyncio.Event()
        self.released = asyncio.Event()
        self._chunks = iter(chunks)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        for chunk in self._chunks:
            return chunk
        self.reached.set()
        await self.released.wait()
        raise StopAsyncIteration
