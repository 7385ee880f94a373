"""Copying files."""

from collections.abc import Mapping

from s3py_helper.application.describe import file_attach
from s3py_helper.application.locator import Locator, Purpose
from s3py_helper.application.streams.progress import Progress, require_progress
from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.content_type import guess_content_type
from s3py_helper.domain.file_name import check_file_name
from s3py_helper.domain.files import FileAttach
from s3py_helper.domain.metadata import check_metadata
from s3py_helper.domain.object_key import name_in_key, new_object_key


class CopyService:
    """Copies a file to where new files go, whichever backend holds it.

    In hybrid mode this moves a single file from FastDFS to S3. Within S3 the service copies by itself; otherwise the
    bytes pass through bounded memory, with size and checksum verified as in every download.
    """

    def __init__(self, locator: Locator) -> None:
        self._locator = locator

    async def copy_file(
        self,
        file_id: str,
        file_name: str | None = None,
        folder: str | None = None,
        bucket: str | None = None,
        metadata: Mapping[str, str] | None = None,
        *,
        progress: Progress | None = None,
    ) -> FileAttach:
        """Store the file a second time under a new id; name, type and metadata are kept unless given.

        Args:
            file_id: The file to copy.
            file_name: Another name for the copy.
            folder: Front of the copy's object key; FastDFS has no folders and ignores it.
            bucket: Where to store the copy instead of the default bucket.
            metadata: Pairs for the copy, instead of the file's own.
            progress: Called with the bytes copied so far and the total; once, when the backend copies by itself.

        Returns:
            The copy's id, and what is known of it.

        Raises:
            InvalidArgumentException: The id, name, folder, bucket or metadata are not valid.
            FileNotFoundException: There is no such file.
            BucketNotFoundException: There is no such bucket.
            RouteNotSupportedException: The id's backend or bucket is not served here.
            IntegrityException: The bytes received are not those that were stored.
            StorageOperationException: A backend failed; nothing was stored.
        """
        if file_name is not None:
            check_file_name(file_name)
        if progress is not None:
            require_progress(progress)
        source = await self._locator.find(file_id, Purpose.READ)
        info = await source.info()
        name = file_name or info.file_name or name_in_key(source.file_id.key)
        target = NewBlob(
            key=new_object_key(name, folder),
            file_name=name,
            bucket=bucket,
            content_type=info.content_type or guess_content_type(name),
            size=info.size,
            metadata=check_metadata(info.metadata if metadata is None else metadata),
        )
        stored = await self._locator.destination(bucket, target.key).copy(source, target, progress)
        text = self._locator.text(stored.file_id)
        return file_attach(target, text, size=stored.size, checksum=stored.checksum, etag=stored.etag)
