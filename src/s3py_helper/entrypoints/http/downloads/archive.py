"""POST of a list of ids, answered with a zip archive of the files."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, nullcontext
from typing import Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError

from s3py_helper.application.download import DownloadService
from s3py_helper.application.zip.options import ZipOptions
from s3py_helper.domain.content_disposition import content_disposition
from s3py_helper.domain.errors import FileTooLargeException, InvalidArgumentException
from s3py_helper.domain.files import FileDownload
from s3py_helper.entrypoints.http.downloads.sourced_response import SourcedContent, SourcedResponse
from s3py_helper.entrypoints.http.limits.arriving_body import arriving_body
from s3py_helper.entrypoints.http.limits.clients import client_of
from s3py_helper.entrypoints.http.limits.errors import RequestTimedOutException
from s3py_helper.entrypoints.http.limits.limits import Limits
from s3py_helper.entrypoints.http.limits.memory import MemoryBudget
from s3py_helper.entrypoints.http.limits.slots import Slots

MAX_LIST_BYTES: Final = 32 * 1024 * 1024
"""Enough for a hundred thousand files with long names."""

SHORT_LIST: Final = 64 * 1024
"""Bytes of a list that is not accounted for: no more than the server holds for any connection.

Parsing more JSON than that would keep the event loop for milliseconds.
"""

LIST_TIMEOUTS: Final = 5
"""A list must be complete within this many times the idle timeout: it holds memory meanwhile."""

_list: Final = TypeAdapter(list[FileDownload])


PARSED_BYTES: Final = 8
"""Bytes of memory that a byte of a list takes, about, once it is parsed: a list of short ids takes the most."""


class Archives:
    """What all requests for archives share."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._slots = Slots(
            "archives", limits.concurrent_archives, share=limits.client_share, patience=limits.queue_timeout
        )
        self._memory = MemoryBudget("lists of files", limits.list_memory, share=limits.client_share)

    async def requested_files(self, request: Request) -> AsyncGenerator[list[FileDownload]]:
        """The list in the body, whose memory is accounted for until the response has ended.

        A dependency, so that it is read after those that decide who may ask.
        """
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise InvalidArgumentException(f"expected a body of type application/json, got {kind!r}")
        account = _Account(self._memory, client_of(request.scope))
        try:
            yield await _parsed(await self._whole_body(request, account))
        finally:
            account.close()

    def response(
        self, request: Request, service: DownloadService, files: list[FileDownload], options: ZipOptions
    ) -> SourcedResponse:
        """The archive, as soon as there is a place for it."""
        return zipped(
            service,
            files,
            options,
            idle_timeout=self._limits.idle_timeout,
            place=self._slots.held_by(client_of(request.scope)),
        )

    async def _whole_body(self, request: Request, account: "_Account") -> bytearray:
        body = bytearray()
        idle_timeout = self._limits.idle_timeout
        arriving = arriving_body(request, idle_timeout=idle_timeout, min_rate=self._limits.min_upload_rate)
        try:
            async with asyncio.timeout(LIST_TIMEOUTS * idle_timeout), aclosing(arriving) as chunks:
                async for chunk in chunks:
                    body += chunk
                    account.holds(len(body))
        except TimeoutError:
            raise RequestTimedOutException(
                f"the list of files has not come within {LIST_TIMEOUTS * idle_timeout:g} s"
            ) from None
        return body


def zipped(
    service: DownloadService,
    files: Iterable[FileDownload],
    options: ZipOptions,
    *,
    idle_timeout: float,
    file_name: str = "files.zip",
    place: AbstractAsyncContextManager[None] | None = None,
) -> SourcedResponse:
    """The archive; with its exact length where that can be known, so that browsers show how far they are.

    `place` is entered before anything is done for the archive, and left after its end.
    """

    @asynccontextmanager
    async def source() -> AsyncGenerator[SourcedContent]:
        async with place or nullcontext():
            plan = await service.plan_zip(
                files,
                compression=options.compression,
                on_error=options.on_error,
                verify_first=options.verify_first,
            )
            headers = {
                "Content-Disposition": content_disposition(file_name),
                "Content-Type": "application/zip",
                "X-Content-Type-Options": "nosniff",
            }
            async with aclosing(plan.stream()) as archive:
                yield SourcedContent(archive, headers, length=plan.content_length)

    return SourcedResponse(source, idle_timeout=idle_timeout)


class _Account:
    """The memory of one list."""

    def __init__(self, memory: MemoryBudget, client: str) -> None:
        self._memory = memory
        self._client = client
        self._charged = 0

    def holds(self, size: int) -> None:
        """Account for that many bytes in all."""
        limit = min(MAX_LIST_BYTES, self._memory.each // PARSED_BYTES)
        if size > limit:
            raise FileTooLargeException(f"the list of files has more than {limit} bytes", limit=limit)
        if size > SHORT_LIST:
            needed = PARSED_BYTES * size
            self._memory.charge(self._client, needed - self._charged)
            self._charged = needed

    def close(self) -> None:
        """Give everything back."""
        self._memory.release(self._client, self._charged)
        self._charged = 0


async def _parsed(body: bytearray) -> list[FileDownload]:
    try:
        if len(body) < SHORT_LIST:
            return _list.validate_json(body)
        return await asyncio.to_thread(_list.validate_json, body)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
        raise RequestValidationError([{**detail, "loc": ("body", *detail["loc"])} for detail in details]) from None
