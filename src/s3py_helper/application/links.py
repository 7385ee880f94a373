"""Links with which clients talk to the backend directly."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from s3py_helper.application.fastdfs_links import FastdfsLinkRules
from s3py_helper.application.locator import Locator, Purpose
from s3py_helper.application.service_links import ReadGrant, ServiceLinks, WriteGrant, checked_type, required
from s3py_helper.domain.arguments import require_duration, require_optional_number, require_optional_text
from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.content_type import check_content_type, guess_content_type
from s3py_helper.domain.errors import RouteNotSupportedException
from s3py_helper.domain.files import FileUploadLink
from s3py_helper.domain.metadata import check_metadata
from s3py_helper.domain.object_key import new_object_key
from s3py_helper.domain.validation import FileValidatorImpl

DEFAULT_LIFETIME: Final = timedelta(hours=1)


class LinkService:
    """Signs links to S3 itself, and to the HTTP service for files on every backend.

    A link works for everybody who has it until it expires, so treat it like a password.

    Attributes:
        service_links: Makes links to the service, and says what one permits; `None` where there are no keys.
    """

    def __init__(
        self,
        locator: Locator,
        validator: FileValidatorImpl | None = None,
        service_links: ServiceLinks | None = None,
        *,
        fastdfs_links: FastdfsLinkRules | None = None,
    ) -> None:
        self.service_links = service_links
        self._locator = locator
        self._validator = validator
        self._fastdfs_links = fastdfs_links

    async def download_link(
        self,
        file_id: str,
        expires_in: timedelta = DEFAULT_LIFETIME,
        *,
        file_name: str | None = None,
        content_type: str | None = None,
        inline: bool = False,
    ) -> str:
        """A URL for HTTP GET. Whether there is such a file is not checked.

        Args:
            file_id: The file.
            expires_in: How long the link works; S3 permits 7 days at most.
            file_name: The name under which browsers save the file; by default the end of its key.
            content_type: The media type in the response, instead of the stored one.
            inline: Let browsers show the file instead of saving it.

        Raises:
            InvalidArgumentException: The id, name, type or lifetime is not valid.
            RouteNotSupportedException: The backend cannot sign links, or is not served here.
            StorageOperationException: There are no credentials to sign with.
        """
        require_duration(expires_in, "expires_in")
        require_optional_text(file_name, "a file name")
        if content_type is not None:
            check_content_type(content_type)
        located = await self._locator.find(file_id, Purpose.READ)
        with located.operation("link"):
            return await located.download_url(expires_in, file_name=file_name, content_type=content_type, inline=inline)

    async def fastdfs_link(
        self, file_id: str, expires_in: timedelta | None = DEFAULT_LIFETIME, *, file_name: str | None = None
    ) -> str:
        """Path and query of an old link, as FastDFS' nginx module serves it: `/group1/M00/...?token=...&ts=...`.

        It goes on working when the file moves to S3, wherever `create_fastdfs_links_router` serves it. Whether there is
        such a file is not checked.

        Args:
            file_id: A FastDFS id.
            expires_in: How long the link works; `None` for ever.
            file_name: Makes browsers save the file, under this name, which is not protected by the token.

        Raises:
            InvalidArgumentException: The id is not valid or not one of FastDFS, or the lifetime is not possible.
            RouteNotSupportedException: FastDFS is not served here, or such links are not set up.
            FileNotFoundException: The file is known to have been deleted.
        """
        if expires_in is not None:
            require_duration(expires_in, "expires_in")
        require_optional_text(file_name, "a file name")
        if self._fastdfs_links is None:
            raise RouteNotSupportedException(
                "links of FastDFS are not set up here: FastdfsLinksConfig, or S3PY_FASTDFS_LINKS__SECRET",
                operation="link",
                file_id=file_id,
            )
        located = await self._locator.find(file_id, Purpose.READ)
        with located.operation("link"):
            return self._fastdfs_links.link(located.file_id, expires_in, file_name)

    async def can_link(self, file_id: str) -> bool:
        """Whether `download_link` can make a link for the file; whether there is such a file is not checked.

        Args:
            file_id: The file.

        Raises:
            InvalidArgumentException: The id is not valid.
            RouteNotSupportedException: The backend is not served here.
        """
        located = await self._locator.find(file_id, Purpose.READ)
        return located.can_presign

    @property
    def can_link_uploads(self) -> bool:
        """Whether the backend that takes new files can sign what `upload_link` returns."""
        return self._locator.backends[self._locator.policy.new_files].presigning is not None

    async def upload_link(
        self,
        file_name: str,
        expires_in: timedelta = DEFAULT_LIFETIME,
        folder: str | None = None,
        bucket: str | None = None,
        metadata: Mapping[str, str] | None = None,
        *,
        content_type: str | None = None,
    ) -> FileUploadLink:
        """A URL for one HTTP PUT, the headers it must carry, and the id that the file then has.

        Name and type are validated here; the bytes bypass this service, so size and content are not.

        Args:
            file_name: The file's name, without folders.
            expires_in: How long the link works; S3 permits 7 days at most.
            folder: Front of the object key.
            bucket: Where to store instead of the default bucket.
            metadata: Pairs of your own.
            content_type: Media type; by default it is guessed from the name.

        Raises:
            InvalidArgumentException: Name, type, lifetime, folder, bucket or metadata are not valid.
            InvalidFileTypeException: The type is not allowed.
            RouteNotSupportedException: The backend cannot sign links, or the bucket is not served here.
            StorageOperationException: There are no credentials to sign with.
        """
        require_duration(expires_in, "expires_in")
        if self._validator is not None:
            self._validator.validate_file_name(file_name)
            self._validator.validate_file_type(file_name)
        key = new_object_key(file_name, folder)
        destination = self._locator.destination(bucket, key)
        blob = NewBlob(
            key=key,
            file_name=file_name,
            bucket=bucket,
            content_type=guess_content_type(file_name) if content_type is None else check_content_type(content_type),
            metadata=check_metadata(metadata),
        )
        with destination.operation("link"):
            link = await destination.presigning.upload_url(blob, expires_in)
        return link.model_copy(update={"file_id": self._locator.text(link.file_id)})

    async def service_link(
        self,
        file_id: str,
        expires_in: timedelta = DEFAULT_LIFETIME,
        *,
        file_name: str | None = None,
        content_type: str | None = None,
        inline: bool = False,
    ) -> str:
        """A URL of the HTTP service for GET of a file, whichever backend holds it. Whether it exists is not checked.

        Args:
            file_id: The file.
            expires_in: How long the link works, 7 days at most unless the deployment says otherwise.
            file_name: The name under which browsers save the file; by default the one it was uploaded with.
            content_type: The media type in the response, instead of the stored one.
            inline: Let browsers show the file where its type cannot run scripts.

        Raises:
            InvalidArgumentException: The id, name, type or lifetime is not valid, or there are no keys.
            RouteNotSupportedException: The id's backend or bucket is not served here.
        """
        links = required(self.service_links)
        grant = ReadGrant(require_optional_text(file_name, "a file name"), checked_type(content_type), inline=inline)
        await self._locator.find(file_id, Purpose.READ)
        return links.read_link(file_id, expires_in, grant)

    def service_upload_link(
        self,
        file_name: str,
        expires_in: timedelta = DEFAULT_LIFETIME,
        folder: str | None = None,
        bucket: str | None = None,
        *,
        content_type: str | None = None,
        max_size: int | None = None,
    ) -> str:
        """A URL of the HTTP service for PUT of a new file, whose response has the file's id.

        Until it expires it can be used several times; each use makes a new file.

        Args:
            file_name: The file's name, without folders.
            expires_in: How long the link works, 7 days at most unless the deployment says otherwise.
            folder: Front of the object key.
            bucket: Where to store instead of the default bucket.
            content_type: The only type that the file may be sent with; by default any.
            max_size: The most bytes that it may have; by default as many as any upload.

        Raises:
            InvalidArgumentException: Name, type, size, lifetime, folder or bucket are not valid, or there are no keys.
            InvalidFileTypeException: The type is not allowed.
            RouteNotSupportedException: The bucket or folder is not served here.
        """
        links = required(self.service_links)
        if self._validator is not None:
            self._validator.validate_file_name(file_name)
            self._validator.validate_file_type(file_name)
        require_optional_number(max_size, "max_size")
        self._locator.destination(bucket, new_object_key(file_name, folder))
        return links.write_link(file_name, expires_in, WriteGrant(folder, bucket, checked_type(content_type), max_size))
