"""What a response says of a file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from s3py_helper.application.download import OpenFile
from s3py_helper.domain.content_disposition import content_disposition
from s3py_helper.domain.files import FileBasicInfo
from s3py_helper.entrypoints.http.downloads.conditions import Validators
from s3py_helper.entrypoints.http.media_types import content_codings, may_show_inline, media_type


@dataclass(frozen=True, slots=True)
class Offer:
    """How a file is offered to a client.

    Attributes:
        file_name: What the client calls it.
        content_type: Its type, which a header can carry.
        inline: Whether browsers show it.
    """

    file_name: str | None
    content_type: str
    inline: bool


@dataclass(slots=True)
class Presentation:
    """How one request wants its file presented. Nobody changes it; a frozen one would take three times as long to make.

    Attributes:
        inline: Let browsers show it, where its type cannot run scripts.
        file_name: What the client calls it; by default the name it was uploaded with.
        more_headers: Further headers; they go before what is known of the file.
        bytes_alone: Whether nothing is told of name, content type and metadata, which can then be left unread.
    """

    bytes_alone: ClassVar[bool] = False

    inline: bool = False
    file_name: str | None = None
    more_headers: Mapping[str, str] | None = None

    def validators(self, info: FileBasicInfo) -> Validators:
        """What tells this version of the file from others."""
        return Validators(info.etag, info.last_modify_time)

    def offer(self, info: FileBasicInfo) -> Offer:
        """What a client is told that fetches the file from its backend."""
        content_type = media_type(info.content_type)
        return Offer(self.file_name or info.file_name, content_type, self.inline and may_show_inline(content_type))

    def of_file(self, info: FileBasicInfo, cache_control: str) -> dict[str, str]:
        """All headers but those about length, range and digests."""
        offer = self.offer(info)
        headers = _version_headers(self.validators(info), cache_control)
        if (codings := content_codings(info.content_encoding)) is not None:
            # The bytes go out as they are stored: the client has to know what was done to them.
            headers["Content-Encoding"] = codings
        headers["Accept-Ranges"] = "bytes"
        headers["Content-Disposition"] = content_disposition(offer.file_name, inline=offer.inline)
        headers["Content-Type"] = offer.content_type
        headers["X-Content-Type-Options"] = "nosniff"
        if offer.inline:
            # Whatever a browser makes of it, it is a stranger to this site (CSP Level 3, 6.3.1).
            headers["Content-Security-Policy"] = "sandbox"
        return self._and_more(headers)

    def of_open_file(self, opened: OpenFile, cache_control: str) -> dict[str, str]:
        """The same of a file that is open."""
        return self.of_file(opened.info, cache_control)

    def of_version(self, validators: Validators, cache_control: str) -> dict[str, str]:
        """Those that a 304 has (RFC 9110, 15.4.5)."""
        return self._and_more(_version_headers(validators, cache_control))

    def _and_more(self, headers: dict[str, str]) -> dict[str, str]:
        if not self.more_headers:
            return headers
        replaced = {name.lower() for name in self.more_headers}
        kept = {name: value for name, value in headers.items() if name.lower() not in replaced}
        return kept | dict(self.more_headers)


def _version_headers(validators: Validators, cache_control: str) -> dict[str, str]:
    headers = {"ETag": validators.etag, "Last-Modified": validators.http_date, "Cache-Control": cache_control}
    return {name: value for name, value in headers.items() if value is not None}
