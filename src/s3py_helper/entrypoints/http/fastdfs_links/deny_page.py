"""What is sent where a token is wrong: mostly a picture that says so."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from starlette.responses import Response

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.nginx_media_types import nginx_media_type

MAX_BYTES: Final = 4 * 1024 * 1024
"""It is kept in memory."""


@dataclass(frozen=True, slots=True)
class DenyPage:
    """A page, and the status that it is sent with.

    Attributes:
        content: Its bytes.
        media_type: Its type.
        status: 403; the module says 200.
    """

    content: bytes
    media_type: str
    status: int = 403

    @classmethod
    def read(cls, path: Path | str, *, strict: bool) -> Self:
        """Read the file.

        Raises:
            InvalidArgumentException: It cannot be read, or is too large.
        """
        path = Path(path)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InvalidArgumentException(f"the deny page {path} cannot be read: {error.strerror}") from None
        if len(content) > MAX_BYTES:
            raise InvalidArgumentException(f"the deny page {path} has {len(content)} bytes, {MAX_BYTES} are allowed")
        return cls(content, nginx_media_type(path.name), 200 if strict else 403)

    def response(self) -> Response:
        """The page, which is never kept in place of the file."""
        return Response(self.content, self.status, {"Cache-Control": "no-store", "Content-Type": self.media_type})
