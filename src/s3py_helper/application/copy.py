"""Copying files."""

from collections.abc import Mapping

from s3py_helper.application.ids import IdFormat
from s3py_helper.application.router import StoreRouter
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.content_type import guess_content_type
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.files import FileAttach
from s3py_helper.domain.metadata import check_metadata
from s3py_helper.domain.object_key import name_in_key, new_object_key


class CopyService:
    """Copies a file to where new files go, whichever backend holds it.

    In hybrid mode this is how one file leaves FastDFS. Within S3 the service copies by itself; else the bytes pass
    through in bounded memory, their size and checksum verified as in every download.
    """

    def __init__(self, router: StoreRouter, ids: IdFormat | None = None) -> None:
        self._router = router
        self._ids = ids or IdFormat()

    async def copy_file(
        self,
        file_id: str,
        file_name: str | None = None,
        folder: str | None = None,
        bucket: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> FileAttach:
        """Store the file a second time under a new id; name, type and metadata are kept unless given.

        Raises:
            InvalidArgumentException: The id, folder, bucket or metadata are not valid.
            FileNotFoundException: There is no such file.
            RouteNotSupportedException: The id's backend or bucket is not served here.
            StorageOperationException: A backend failed; nothing was stored.
        """
        source = self._ids.parse(file_id)
        info = await self._router.for_reading(source).store.info(source)
        name = file_name or info.file_name or name_in_key(source.key)
        target = NewBlob(
            key=new_object_key(name, folder),
            file_name=name,
            bucket=bucket,
            content_type=info.content_type or guess_content_type(name),
            size=info.size,
            metadata=check_metadata(info.metadata if metadata is None else metadata),
        )
        stored = await self._copy(source, target)
        return FileAttach(
            file_id=self._ids.text(stored.file_id),
            file_name=name,
            file_size=stored.size,
            content_type=target.content_type,
            etag=stored.etag,
            checksum=None if stored.checksum is None else str(stored.checksum),
        )

    async def _copy(self, source: FileId, target: NewBlob) -> BlobInfo:
        to = self._router.for_new_files(target.bucket)
        if to.copying is not None and source.backend is self._router.policy.new_files:
            return await to.copying.copy(source, target)
        async with self._router.for_reading(source).store.open(source) as blob:
            return await to.store.write(target, IncomingBody(blob.body, size=len(blob.span)))
