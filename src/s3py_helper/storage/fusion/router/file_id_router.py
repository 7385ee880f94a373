"""Which backend an id belongs to."""

from typing import Final

from s3py_helper.domain.file_id import backend_of
from s3py_helper.domain.text_rules import require_text

_S3_PREFIX: Final = "s3:"


class FileIdRouterImpl:
    """Looks at the prefix of an id; whether the rest of the id is valid is not checked."""

    def route(self, file_id: str) -> str:
        """The backend that the prefix names: `s3`, `filesystem`, or `fastdfs` for all other ids."""
        return str(backend_of(require_text(file_id, "a file id")))

    def is_s3_file(self, file_id: str) -> bool:
        """Whether the id has the prefix of S3."""
        return require_text(file_id, "a file id").startswith(_S3_PREFIX)

    def add_s3_prefix(self, file_id: str) -> str:
        """The id that fusion services take for the raw S3 id `bucket/key`; one that has the prefix stays as it is."""
        return file_id if self.is_s3_file(file_id) else _S3_PREFIX + file_id

    def strip_s3_prefix(self, file_id: str) -> str:
        """The id that raw S3 services take; an id without the prefix stays as it is."""
        return require_text(file_id, "a file id").removeprefix(_S3_PREFIX)
