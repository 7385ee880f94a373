"""GET and HEAD of a file's bytes: whole, in parts, or only if changed. Any router may answer with it."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager, nullcontext
from functools import partial
from typing import Final

from starlette.responses import Response
from starlette.types import Scope

from s3py_helper.application.download import DownloadService, OpenFile
from s3py_helper.application.links import LinkService
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import InvalidRangeException, PreconditionFailedException, StorageException
from s3py_helper.domain.files import FileBasicInfo
from s3py_helper.domain.range_set import parse_range_set, spans_of
from s3py_helper.entrypoints.http.downloads.conditions import Verdict, has_conditions, judge, range_applies
from s3py_helper.entrypoints.http.downloads.delivery import Delivery
from s3py_helper.entrypoints.http.downloads.digests import digest_headers
from s3py_helper.entrypoints.http.downloads.file_headers import Presentation
from s3py_helper.entrypoints.http.downloads.multipart_ranges import MultipartRanges
from s3py_helper.entrypoints.http.downloads.opened_file import SMALL_FILE, Body, opened_file
from s3py_helper.entrypoints.http.downloads.request_headers import reading_headers
from s3py_helper.entrypoints.http.downloads.sourced_response import SourcedContent, SourcedResponse
from s3py_helper.entrypoints.http.limits.clients import client_of

PLAIN: Final = Presentation()


async def file_response(
    scope: Scope,
    service: DownloadService,
    file_id: str,
    delivery: Delivery,
    presentation: Presentation = PLAIN,
    *,
    links: LinkService | None = None,
) -> Response:
    """The response to GET or HEAD.

    Args:
        scope: The request; its method and headers decide what is sent.
        service: Opens the file.
        file_id: The file.
        delivery: How files are sent.
        presentation: What the client is told of it.
        links: Signs the links of redirections; without it there are none.

    Raises:
        StorageException: As `DownloadService.describe`; what `DownloadService.open` raises comes when the response is
            sent, before its head.
        PreconditionFailedException: The file is not the version that the request names.
        InvalidRangeException: The file has no byte in the ranges.
    """
    read = _Read(scope, service, file_id, delivery, presentation)
    headers = read.headers
    is_get = scope["method"] == "GET"
    # Only GET knows ranges (RFC 9110, 14.2).
    ranges = (parse_range_set(headers["range"]) or ()) if is_get and "range" in headers else ()
    # Without conditions one round trip tells and brings everything. Conditions are judged before bytes are asked for:
    # most of them end in "not modified". An id is never given to a second file, so both round trips see the same.
    at_once = is_get and (not headers or (len(ranges) <= 1 and not has_conditions(headers)))
    if at_once and (delivery.options.redirect_above is None or not await delivery.may_redirect(links, file_id)):
        return read.one(next(iter(ranges), None))
    try:
        info = await service.describe(file_id)
    except StorageException as error:
        error.operation = "download"  # HEAD says how long the answer to GET would be (RFC 9110, 8.6)
        raise
    current = presentation.validators(info)
    match judge(headers, current):
        case Verdict.NOT_MODIFIED:
            return Response(status_code=304, headers=presentation.of_version(current, delivery.options.cache_control))
        case Verdict.FAILED:
            raise PreconditionFailedException(
                f"the file is not the version that the request names: {file_id}", operation="download", file_id=file_id
            )
        case Verdict.PROCEED if not is_get:
            return Response(headers=read.whole_headers(info))
        case Verdict.PROCEED:
            pass
    if (elsewhere := await delivery.redirection(links, info, presentation)) is not None:
        return elsewhere
    if not range_applies(headers, current):
        return read.one(None)
    return read.several(ranges, info) if len(ranges) > 1 else read.one(next(iter(ranges), None))


class _Read:
    """One request for a file."""

    def __init__(
        self, scope: Scope, service: DownloadService, file_id: str, delivery: Delivery, presentation: Presentation
    ) -> None:
        self.headers: Final = reading_headers(scope)
        self._scope = scope
        self._service = service
        self._opening = service.open_bytes if presentation.bytes_alone else service.open
        self._file_id = file_id
        self._delivery = delivery
        self._presentation = presentation

    def whole_headers(self, info: FileBasicInfo) -> dict[str, str]:
        """What a 200 says."""
        headers = self._headers(info) | digest_headers(self.headers, info.checksum, None, whole=True)
        return headers if info.file_size is None else headers | {"Content-Length": str(info.file_size)}

    def one(self, byte_range: ByteRange | None) -> Response:
        """The file, or one part of it."""
        if byte_range is not None and byte_range.first is None:
            return self._sent(partial(self._last_bytes, byte_range))
        return self._sent(partial(self._source, byte_range))

    def several(self, ranges: tuple[ByteRange, ...], info: FileBasicInfo) -> Response:
        """Parts of the file; one that is left of several is sent as if nothing else had been asked for."""
        assert info.file_size is not None  # noqa: S101 - every store knows the size of a file
        spans = spans_of(ranges, info.file_size)
        if len(spans) == 1:
            return self.one(ByteRange(spans[0].start, spans[0].stop - 1))
        headers = self._headers(info)
        parts = MultipartRanges(spans, info, headers["Content-Type"])
        headers["Content-Type"] = parts.content_type

        @asynccontextmanager
        async def source() -> AsyncGenerator[SourcedContent]:
            small = parts.length <= SMALL_FILE
            async with (
                self._place(needed=not small or parts.visits > 1),
                aclosing(parts.body(self._service, self._file_id)) as body,
            ):
                content = b"".join([chunk async for chunk in body]) if small else None
                digests = digest_headers(self.headers, info.checksum, content, whole=False)
                yield SourcedContent(body if content is None else content, headers | digests, 206, parts.length)

        return self._sent(source)

    def _sent(self, source: Callable[[], AbstractAsyncContextManager[SourcedContent]]) -> Response:
        return SourcedResponse(source, idle_timeout=self._delivery.idle_timeout)

    def _headers(self, info: FileBasicInfo) -> dict[str, str]:
        return self._presentation.of_file(info, self._delivery.options.cache_control)

    def _source(self, byte_range: ByteRange | None) -> AbstractAsyncContextManager[SourcedContent]:
        """The file, or one part of it, for as long as the block is open."""
        slots = self._delivery.slots
        return opened_file(self._opening, self._file_id, byte_range, slots, self._scope, self._content)

    def _content(self, opened: OpenFile, body: Body, byte_range: ByteRange | None) -> SourcedContent:
        """What is sent of it."""
        span = opened.span
        headers = self._presentation.of_open_file(opened, self._delivery.options.cache_control)
        if self.headers and self._wants_digests:
            content = body if isinstance(body, bytes) else None
            whole = len(span) == opened.info.file_size
            headers |= digest_headers(self.headers, opened.info.checksum, content, whole=whole)
        if byte_range is None:
            return SourcedContent(body, headers, length=len(span))
        headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{opened.info.file_size}"
        return SourcedContent(body, headers, 206, len(span))

    @asynccontextmanager
    async def _last_bytes(self, byte_range: ByteRange) -> AsyncGenerator[SourcedContent]:
        """Those of an empty file are all of it (RFC 9110, 14.1.2), which no `Content-Range` can say."""
        async with AsyncExitStack() as stack:
            try:
                content = await stack.enter_async_context(self._source(byte_range))
            except InvalidRangeException as error:
                if error.size or not byte_range.last:
                    raise
                content = await stack.enter_async_context(self._source(None))
            yield content

    @property
    def _wants_digests(self) -> bool:
        return "want-repr-digest" in self.headers or "want-content-digest" in self.headers

    def _place(self, *, needed: bool) -> AbstractAsyncContextManager[None]:
        slots = self._delivery.slots
        return slots.held_by(client_of(self._scope)) if needed and slots is not None else nullcontext()
