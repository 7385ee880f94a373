"""How ids are written in one part of the public API."""

from dataclasses import dataclass

from s3py_helper.domain.file_id import FileId


@dataclass(frozen=True, slots=True)
class IdFormat:
    """Ids with or without their backend's prefix.

    Attributes:
        implied_prefix: The prefix that callers leave out: empty where every backend is served, `"s3:"` in the raw S3
            services, whose ids read `bucket/key`.
    """

    implied_prefix: str = ""

    def parse(self, text: str) -> FileId:
        """Read an id as the caller writes it; raises `InvalidArgumentException`."""
        return FileId.parse(self.implied_prefix + text)

    def text(self, file_id: FileId) -> str:
        """Write an id as the caller reads it."""
        return str(file_id).removeprefix(self.implied_prefix)
