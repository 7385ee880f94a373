"""GET and HEAD of a file's bytes: whole, in part, or only if changed."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager

from fastapi import Request
from starlette.responses import Response

from s3py_helper.application.download import DownloadService
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.content_disposition import content_disposition
from s3py_helper.domain.errors import PreconditionFailedException
from s3py_helper.domain.files import FileBasicInfo
from s3py_helper.entrypoints.http.downloads.conditions import Validators, Verdict, has_conditions, judge, range_applies
from s3py_helper.entrypoints.http.downloads.opened_file import opened_file
from s3py_helper.entrypoints.http.downloads.sourced_response import SourcedContent, SourcedResponse
from s3py_helper.entrypoints.http.limits.clients import client_of
from s3py_helper.entrypoints.http.limits.slots import Slots
from s3py_helper.entrypoints.http.media_types import content_codings, may_show_inline, media_type


async def download(
    request: Request,
    service: DownloadService,
    file_id: str,
    *,
    inline: bool,
    idle_timeout: float,
    slots: Slots | None = None,
    file_name: str | None = None,
    more_headers: Mapping[str, str] | None = None,
) -> Response:
    """The response to GET or HEAD; `file_name` and `more_headers` go before what is known of the file.

    A larger file is sent when there is a place for it in `slots`.
    """
    headers = _joined(request)
    wanted = ByteRange.parse(headers["range"]) if "range" in headers and request.method == "GET" else None

    def described(info: FileBasicInfo) -> dict[str, str]:
        named = info if file_name is None else info.model_copy(update={"file_name": file_name})
        return _with(_file_headers(named, inline=inline), more_headers)

    # Without conditions one round trip tells and brings everything. Conditions are judged before bytes are asked for:
    # most of them end in "not modified". An id is never given to a second file, so both round trips see the same.
    if request.method == "HEAD" or has_conditions(headers):
        info = await service.describe(file_id)
        current = _validators(info)
        match judge(headers, current):
            case Verdict.NOT_MODIFIED:
                return Response(status_code=304, headers=_with(_validator_headers(current), more_headers))
            case Verdict.FAILED:
                raise PreconditionFailedException(
                    f"the file is not the version that the request names: {file_id}",
                    operation="download",
                    file_id=file_id,
                )
            case Verdict.PROCEED if request.method == "HEAD":
                return Response(headers=described(info) | _length(info.file_size))
            case _:
                wanted = wanted if range_applies(headers, current) else None

    @asynccontextmanager
    async def source() -> AsyncGenerator[SourcedContent]:
        async with opened_file(service, file_id, wanted, slots, client_of(request.scope)) as opened:
            answered, length = described(opened.info), len(opened.span)
            if wanted is None:
                yield SourcedContent(opened.body, answered, length=length)
                return
            span = f"bytes {opened.span.start}-{opened.span.stop - 1}/{opened.info.file_size}"
            yield SourcedContent(opened.body, answered | {"Content-Range": span}, 206, length)

    return SourcedResponse(source, idle_timeout=idle_timeout)


def _joined(request: Request) -> Mapping[str, str]:
    """Lower-case names; lines of the same name are one list (RFC 9110, 5.3)."""
    joined: dict[str, str] = {}
    for name, value in request.headers.items():
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def _validators(info: FileBasicInfo) -> Validators:
    return Validators(info.etag, info.last_modify_time)


def _validator_headers(validators: Validators) -> dict[str, str]:
    # "no-cache" lets browsers keep the file but makes them ask whether it is still there.
    headers = {"ETag": validators.etag, "Last-Modified": validators.http_date, "Cache-Control": "no-cache"}
    return {name: value for name, value in headers.items() if value is not None}


def _file_headers(info: FileBasicInfo, *, inline: bool) -> dict[str, str]:
    content_type = media_type(info.content_type)
    codings = content_codings(info.content_encoding)
    # The bytes go out as they are stored: the client has to know what was done to them.
    encoded = {} if codings is None else {"Content-Encoding": codings}
    return (
        _validator_headers(_validators(info))
        | encoded
        | {
            "Accept-Ranges": "bytes",
            "Content-Disposition": content_disposition(info.file_name, inline=inline and may_show_inline(content_type)),
            "Content-Type": content_type,
            "X-Content-Type-Options": "nosniff",
        }
    )


def _with(headers: dict[str, str], more: Mapping[str, str] | None) -> dict[str, str]:
    if not more:
        return headers
    replaced = {name.lower() for name in more}
    return {name: value for name, value in headers.items() if name.lower() not in replaced} | dict(more)


def _length(size: int | None) -> dict[str, str]:
    return {} if size is None else {"Content-Length": str(size)}
