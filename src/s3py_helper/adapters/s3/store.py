"""The port `BlobStore` on S3."""

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.reader import BlobReader
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.upload.writer import BlobWriter
from s3py_helper.application.ports.blob_store import BlobStore
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.errors import FileNotFoundException, StorageOperationException
from s3py_helper.domain.file_id import Backend, FileId


class S3BlobStore(BlobReader):
    """Objects of an S3 service; works while the session is open.

    Args:
        session: The service.
        default_bucket: Where files go that name no bucket, if another one than the session's.
        perf: Part and chunk sizes, if others than the session's.
    """

    def __init__(
        self, session: S3Session, *, default_bucket: str | None = None, perf: S3PerfConfig | None = None
    ) -> None:
        super().__init__(session, perf or session.perf)
        self._writer = BlobWriter(session, default_bucket or session.config.default_bucket, perf or session.perf)

    async def write(self, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        """One PUT for what fits into a part, else a multipart upload."""
        try:
            return await self._writer.write(blob, body)
        except FileNotFoundException as error:
            # Nobody has asked for a file: something else is missing, the multipart upload for one.
            raise StorageOperationException(error.message, operation="upload", backend=Backend.S3) from error

    async def delete(self, file_id: FileId) -> None:
        """One DELETE; a missing object is no error."""
        await self._session.objects.delete_object(file_id.bucket, file_id.key)


_: type[BlobStore] = S3BlobStore
