"""PUT and POST of a file as the body of a request: stored while it arrives, in whatever pieces it comes."""

import contextlib

from fastapi import Request
from fastapi.exceptions import HTTPException

from s3py_helper.application.upload import UploadService
from s3py_helper.domain.content_type import OCTET_STREAM
from s3py_helper.domain.errors import InvalidArgumentException, PreconditionFailedException
from s3py_helper.domain.files import FileAttach
from s3py_helper.entrypoints.http.media_types import media_type
from s3py_helper.entrypoints.http.uploads.arrival import Arrival
from s3py_helper.entrypoints.http.uploads.disposition import file_name_of, parse_disposition


class RawUpload:
    """One request's file.

    Args:
        request: The request.
        arrival: Its body.
        service: Stores it.
        folder: Front of the object key.
        bucket: Where to store it.
    """

    def __init__(
        self, request: Request, arrival: Arrival, service: UploadService, *, folder: str | None, bucket: str | None
    ) -> None:
        self._headers = request.headers
        self._arrival = arrival
        self._service = service
        self._folder = folder
        self._bucket = bucket

    async def store(self, file_name: str | None = None, *, as_key: bool = False) -> FileAttach:
        """Store the file under this name, or that of `Content-Disposition`.

        Args:
            file_name: The name.
            as_key: Whether folder and name are the key as they are.

        Raises:
            InvalidArgumentException: There is no name; the body is a part of a file; digests do not match.
            PreconditionFailedException: The request wants to replace a file, which never happens here.
            HTTPException: The body is encoded, or a request that gives a key could be meant to replace a file.
            StorageException: As `UploadService.upload_stream`, or `create`.
        """
        self._refuse_what_is_no_new_file()
        if as_key and self._headers.get("if-none-match", "").strip() != "*":
            raise HTTPException(428, "a file whose key is given replaces none: send If-None-Match: *")
        name = file_name or _name_in(self._headers.get("content-disposition"))
        # "Some bytes" is what clients say who do not know: name and content tell more.
        claimed = media_type(self._headers.get("content-type"))
        content_type = None if claimed == OCTET_STREAM else claimed
        self._arrival.require_size()
        size = self._arrival.declared
        if as_key:
            await self._service.require_creatable(name, size, self._folder, self._bucket)
        else:
            self._service.require_acceptable(name, size, self._folder, self._bucket)
        upload = self._service.create if as_key else self._service.upload_stream
        attach: FileAttach | None = None
        try:
            async with self._arrival.body() as body:
                attach = await upload(name, body, size, self._folder, self._bucket, content_type=content_type)
        except BaseException:  # closing the body failed or was cancelled: nobody learns the file's id
            if attach is not None:
                await self._service.roll_back([attach])
            raise
        return attach

    def _refuse_what_is_no_new_file(self) -> None:
        if "content-range" in self._headers:
            raise InvalidArgumentException("a part of a file cannot be stored (RFC 9110, 14.5)", operation="upload")
        if self._headers.get("content-encoding", "identity").strip().lower() not in {"identity", ""}:
            raise HTTPException(
                415,
                "files are stored as they are: send the bytes without Content-Encoding",
                headers={"Accept-Encoding": "identity"},
            )
        # Every upload makes a new file, so that there is no current one to be the same as another.
        if "if-match" in self._headers:
            raise PreconditionFailedException("uploads make new files and replace none", operation="upload")


def _name_in(header: str | None) -> str:
    """The name in a `Content-Disposition` (RFC 6266) of any type."""
    parameters = None if header is None else parse_disposition(header.encode("latin-1"), None)
    name: str | None = None
    with contextlib.suppress(UnicodeDecodeError):
        name = None if parameters is None else file_name_of(parameters)
    if not name:
        raise InvalidArgumentException(
            "the file needs a name: send Content-Disposition: attachment; filename=\"...\" (or filename*=UTF-8''...), "
            "or PUT it under its name; forms are for POST .../upload",
            operation="upload",
        )
    return name
