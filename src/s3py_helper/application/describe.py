"""From what a backend tells to what the public API gives."""

from s3py_helper.application.ids import IdFormat
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.files import FileBasicInfo
from s3py_helper.domain.object_key import name_in_key


def file_info(info: BlobInfo, ids: IdFormat) -> FileBasicInfo:
    """The public description of a stored file."""
    return FileBasicInfo(
        file_id=ids.text(info.file_id),
        file_name=info.file_name or name_in_key(info.file_id.key),
        file_size=info.size,
        last_modify_time=info.last_modified,
        storage_class=info.storage_class,
        metadata=dict(info.metadata),
        content_type=info.content_type,
        etag=info.etag,
        checksum=None if info.checksum is None else str(info.checksum),
    )
