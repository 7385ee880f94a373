"""The archive's bytes, from the first file to the central directory."""

import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from itertools import chain
from typing import Final

from isal import isal_zlib

from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.application.zip.batches import Coalescer
from s3py_helper.application.zip.encoding import EntryEncoder, Piece
from s3py_helper.application.zip.format.records import Content, EntryHeader, Method
from s3py_helper.application.zip.format.writer import ArchiveWriter
from s3py_helper.application.zip.lookahead import Lookahead, Upcoming
from s3py_helper.application.zip.missing import LIST_NAME, MissingFiles
from s3py_helper.application.zip.options import ZipOptions, compresses
from s3py_helper.application.zip.source import Source, entry_names
from s3py_helper.domain.archive_name import EntryNames
from s3py_helper.domain.errors import StorageException

CHUNK_SIZE: Final = 256 * 1024
"""Least size of the chunks that are yielded, except for the last."""

_THREADS: Final = min(4, os.cpu_count() or 1)


type LeftOut = Callable[[str, StorageException], None]
"""Called with the id of a file that was left out, and the reason."""


async def archive_bytes(
    sources: Sequence[Source], options: ZipOptions, left_out: LeftOut | None = None
) -> AsyncGenerator[bytes]:
    """Yield the archive piece by piece; memory stays bounded, whatever the number and size of its files.

    Closing it stops everything at once. After an error there is no central directory, so no reader takes what was
    yielded for a whole archive.

    Raises:
        FileNotFoundException: There is no such file; before the first byte when it is the first of them.
        IntegrityException: A file's bytes are not those that were stored, or it has changed meanwhile.
        StorageOperationException: A backend failed.
    """
    encoder = EntryEncoder(_THREADS)

    def encode(source: Source, blob: OpenBlob) -> AsyncGenerator[Piece]:
        compress = compresses(options.compression, source.name(blob.info), blob.info.content_type)
        return encoder.encode(blob, compress=compress)

    lookahead = Lookahead(sources, encode)
    try:
        archive = _Archive(lookahead, await entry_names(sources), left_out, skip=options.on_error == "skip")
        async with aclosing(archive.chunks()) as chunks:
            async for chunk in chunks:
                yield chunk
    finally:
        await lookahead.aclose()


class _Archive:
    """One run through the files."""

    def __init__(self, lookahead: Lookahead, names: EntryNames, left_out: LeftOut | None, *, skip: bool) -> None:
        self._lookahead = lookahead
        self._names = names
        self._left_out = left_out
        self._skip = skip
        self._writer = ArchiveWriter()
        self._missing = MissingFiles()
        self._output = Coalescer(CHUNK_SIZE)

    async def chunks(self) -> AsyncGenerator[bytes]:
        """The whole archive."""
        while (upcoming := self._lookahead.current()) is not None:
            async with aclosing(self._entry(upcoming)) as chunks:
                async for chunk in chunks:
                    yield chunk
            self._lookahead.drop_current()
        for record in chain(self._list_of_missing(), self._writer.finish()):
            for chunk in self._output.add(record):
                yield chunk
        for chunk in self._output.rest():
            yield chunk

    async def _entry(self, upcoming: Upcoming) -> AsyncGenerator[bytes]:
        begun = False
        try:
            async for piece in upcoming:
                begun = True
                for chunk in self._output.add(self._written(piece, upcoming)):
                    yield chunk
                    self._lookahead.proceed()
        except StorageException as error:
            # What has been yielded cannot be taken back: a file that breaks off breaks the archive.
            if begun or not self._skip:
                raise
            self._missing.add(upcoming.source, error)
            if self._left_out is not None:
                self._left_out(upcoming.source.located.text, error)

    def _written(self, piece: Piece, upcoming: Upcoming) -> bytes:
        match piece:
            case EntryHeader():
                return self._writer.begin(upcoming.claim_name(self._names), piece)
            case Content():
                return self._writer.end(piece)
            case bytes():
                self._writer.add(len(piece))
                return piece

    def _list_of_missing(self) -> list[bytes]:
        if not self._missing:
            return []
        text = self._missing.text()
        content = Content(isal_zlib.crc32(text), len(text), len(text))
        name = self._names.claim_unexpected(LIST_NAME)
        header = self._writer.begin(name, EntryHeader(datetime.now(UTC), Method.STORED, content))
        self._writer.add(len(text))
        return [header, text, self._writer.end(content)]
