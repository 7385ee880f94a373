"""Files and archives as responses of an application's own endpoints."""

from collections.abc import Iterable, Mapping

from fastapi import Request
from starlette.responses import Response

from s3py_helper.application.zip.options import Compression, OnError, ZipOptions
from s3py_helper.domain.files import FileDownload
from s3py_helper.entrypoints.http.downloads import archive, file
from s3py_helper.entrypoints.http.downloads.delivery import Delivery
from s3py_helper.entrypoints.http.downloads.file_headers import Presentation
from s3py_helper.entrypoints.http.limits.limits import DEFAULT_IDLE_TIMEOUT
from s3py_helper.entrypoints.http.services import ServesFiles


async def file_response(
    request: Request,
    services: ServesFiles,
    file_id: str,
    *,
    file_name: str | None = None,
    inline: bool = False,
    headers: Mapping[str, str] | None = None,
    idle_timeout: float = DEFAULT_IDLE_TIMEOUT,
) -> Response:
    """A stored file as the response to GET or HEAD, streamed in constant memory.

    `Range`, `If-Range` and the conditions of RFC 9110, section 13, are understood. When the client goes away, the
    connection to the backend is released at once; when the backend fails in the middle, the connection to the client is
    cut, so that no client takes a part for the whole.

    Args:
        request: The request that is answered; its method and headers decide what is sent.
        services: `Services`, an open `StorageManager`, or the like.
        file_id: The file.
        file_name: What the file is called by the client; by default the name it was uploaded with.
        inline: Let browsers show the file, where its type cannot run scripts; else they save it.
        headers: Further headers; they replace those of the same name.
        idle_timeout: Seconds for which the client may take nothing before it counts as gone.

    Raises:
        InvalidArgumentException: The id is not valid.
        PreconditionFailedException: The file is not the version that the request names.
        FileNotFoundException: There is no such file. Without conditions in the request this, and what follows, is
            raised while the response is sent, and reaches the application's exception handlers all the same.
        InvalidRangeException: The file has no byte in the range.
        RouteNotSupportedException: The id's backend or bucket is not served here.
        StorageOperationException: The backend failed.
    """
    return await file.file_response(
        request.scope,
        services.download_service,
        file_id,
        Delivery(idle_timeout),
        Presentation(inline=inline, file_name=file_name, more_headers=headers),
    )


def zip_response(
    services: ServesFiles,
    files: Iterable[FileDownload],
    *,
    file_name: str = "files.zip",
    compression: Compression = "auto",
    on_error: OnError = "raise",
    verify_first: bool = True,
    idle_timeout: float = DEFAULT_IDLE_TIMEOUT,
) -> Response:
    """A zip archive of stored files as a response, written while the files are read.

    `Content-Length` is sent where it can be known, so that browsers show progress.

    Args:
        services: `Services`, an open `StorageManager`, or the like.
        files: The files, in order; all backends may be mixed.
        file_name: What the archive is called by the client.
        compression: See `DownloadService.download_files_as_zip`.
        on_error: See there.
        verify_first: Ask for every file before the response begins, so that a missing one is answered with 404 and not
            by cutting the connection.
        idle_timeout: Seconds for which the client may take nothing before it counts as gone.

    Raises:
        StorageException: As `DownloadService.plan_zip`, but while the response is sent; it reaches the application's
            exception handlers all the same.
    """
    options = ZipOptions(compression, on_error, verify_first)
    return archive.zipped(services.download_service, files, options, file_name=file_name, idle_timeout=idle_timeout)
