"""From what a backend reports to what the public API returns."""

from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.files import FileAttach, FileBasicInfo
from s3py_helper.domain.object_key import name_in_key


def file_info(info: BlobInfo, file_id: str) -> FileBasicInfo:
    """The public description of a stored file, under the id that its caller knows."""
    return FileBasicInfo.of_known(
        {
            "file_id": file_id,
            "file_name": info.file_name or name_in_key(info.file_id.key),
            "file_size": info.size,
            "last_modify_time": info.last_modified,
            "storage_class": info.storage_class,
            "metadata": dict(info.metadata),
            "content_type": info.content_type,
            "etag": info.etag,
            "checksum": _text(info.checksum),
            "content_encoding": info.content_encoding,
        }
    )


def file_attach(
    blob: NewBlob, file_id: str, *, size: int, checksum: Checksum | None, etag: str | None = None
) -> FileAttach:
    """The public description of a file that was stored a moment ago."""
    return FileAttach(
        file_id=file_id,
        file_name=blob.file_name,
        file_size=size,
        content_type=blob.content_type,
        etag=etag,
        checksum=_text(checksum),
    )


def _text(checksum: Checksum | None) -> str | None:
    return None if checksum is None else str(checksum)
