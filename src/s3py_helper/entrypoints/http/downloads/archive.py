"""POST of a list of ids, answered with a zip archive of the files."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing, asynccontextmanager
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

MAX_LIST_BYTES: Final = 32 * 1024 * 1024
"""Enough for a hundred thousand files with long names."""

_LONG_LIST: Final = 64 * 1024
"""Bytes of JSON from which reading them would keep the event loop for milliseconds."""

_list: Final = TypeAdapter(list[FileDownload])


async def requested_files(request: Request) -> list[FileDownload]:
    """The list in the body. A dependency, so that it is read after those that decide who may ask."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise InvalidArgumentException(f"expected a body of type application/json, got {kind!r}")
    body = await _whole_body(request)
    try:
        if len(body) < _LONG_LIST:
            return _list.validate_json(body)
        return await asyncio.to_thread(_list.validate_json, body)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
        raise RequestValidationError([{**detail, "loc": ("body", *detail["loc"])} for detail in details]) from None


def zipped(
    service: DownloadService,
    files: Iterable[FileDownload],
    options: ZipOptions,
    *,
    idle_timeout: float,
    file_name: str = "files.zip",
) -> SourcedResponse:
    """The archive; with its exact length where that can be known, so that browsers show how far they are."""

    @asynccontextmanager
    async def source() -> AsyncGenerator[SourcedContent]:
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
        if plan.content_length is not None:
            headers["Content-Length"] = str(plan.content_length)
        async with aclosing(plan.stream()) as archive:
            yield SourcedContent(archive, headers)

    return SourcedResponse(source, idle_timeout=idle_timeout)


async def _whole_body(request: Request) -> bytes:
    body = bytearray()
    async with aclosing(request.stream()) as stream:
        async for chunk in stream:
            body += chunk
            if len(body) > MAX_LIST_BYTES:
                raise FileTooLargeException(
                    f"the list of files has more than {MAX_LIST_BYTES} bytes", limit=MAX_LIST_BYTES
                )
    return bytes(body)
