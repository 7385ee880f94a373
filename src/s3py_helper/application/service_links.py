"""Links to this service, which work for files on every backend."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import quote

from s3py_helper.domain.content_type import check_content_type
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.signed_link import READ, WRITE, LinkKeys

SIGNED_PATH: Final = "/signed"
"""The paths at which the service takes requests with such links."""

_YES: Final = "1"


@dataclass(frozen=True, slots=True)
class ReadGrant:
    """What a link to a file permits.

    Attributes:
        file_name: The name that clients get; by default the one it was uploaded with.
        content_type: The media type that clients get, instead of the stored one.
        inline: Whether browsers may show it.
    """

    file_name: str | None = None
    content_type: str | None = None
    inline: bool = False


@dataclass(frozen=True, slots=True)
class WriteGrant:
    """What a link for a new file permits.

    Attributes:
        folder: Front of its key.
        bucket: Where it is stored, instead of in the default bucket.
        content_type: The only type that it may be sent with.
        max_size: The most bytes that it may have.
    """

    folder: str | None = None
    bucket: str | None = None
    content_type: str | None = None
    max_size: int | None = None


class ServiceLinks:
    """Makes links, and reads what one permits.

    Args:
        keys: Sign them.
        base_url: The front of their URLs, where clients reach the service. Without it they are paths on its host.
    """

    def __init__(self, keys: LinkKeys, base_url: str = "") -> None:
        self._keys = keys
        self._front: Final = base_url.rstrip("/") + SIGNED_PATH

    def read_link(self, file_id: str, expires_in: timedelta, grant: ReadGrant) -> str:
        """A URL for GET and HEAD of a file; raises as `LinkKeys.signed`."""
        claims = {"name": grant.file_name, "type": grant.content_type, "inline": _YES if grant.inline else None}
        return self._url(file_id, self._keys.signed(READ, file_id, expires_in, claims))

    def write_link(self, file_name: str, expires_in: timedelta, grant: WriteGrant) -> str:
        """A URL for PUT of a new file; raises as `LinkKeys.signed`."""
        claims = {
            "folder": grant.folder,
            "bucket": grant.bucket,
            "type": grant.content_type,
            "max": None if grant.max_size is None else str(grant.max_size),
        }
        return self._url(file_name, self._keys.signed(WRITE, file_name, expires_in, claims))

    def read_grant(self, file_id: str, query: str) -> ReadGrant:
        """What the query permits; raises `LinkNotValidException` where that is nothing."""
        claims = self._keys.claims_of(READ, file_id, query)
        return ReadGrant(claims.get("name"), claims.get("type"), inline=claims.get("inline") == _YES)

    def write_grant(self, file_name: str, query: str) -> WriteGrant:
        """What the query permits; raises `LinkNotValidException` where that is nothing."""
        claims = self._keys.claims_of(WRITE, file_name, query)
        limit = claims.get("max")
        return WriteGrant(
            claims.get("folder"), claims.get("bucket"), claims.get("type"), None if limit is None else int(limit)
        )

    def _url(self, subject: str, query: str) -> str:
        return f"{self._front}/{quote(subject, safe='/:')}?{query}"


def required(links: ServiceLinks | None) -> ServiceLinks:
    """The links.

    Raises:
        InvalidArgumentException: There are no keys to sign them with.
    """
    if links is None:
        raise InvalidArgumentException("links to the service need keys: set S3PY_LINK_KEYS, or give link_keys")
    return links


def checked_type(content_type: str | None) -> str | None:
    """The media type; `InvalidArgumentException` unless it is one."""
    return None if content_type is None else check_content_type(content_type)
