"""How files are sent, whichever they are."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Self

from starlette.responses import Response

from s3py_helper.application.links import LinkService
from s3py_helper.domain.arguments import require_optional_number
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.files import FileBasicInfo
from s3py_helper.entrypoints.http.downloads.file_headers import Presentation
from s3py_helper.entrypoints.http.limits.limits import Limits
from s3py_helper.entrypoints.http.limits.slots import Slots

LINK_LIFETIME: Final = timedelta(minutes=15)
"""For which the target of a redirection works: a download goes on that has begun, and resuming one asks here again."""


@dataclass(frozen=True, slots=True)
class DownloadOptions:
    """What an operator decides about downloads.

    Raises:
        InvalidArgumentException: A value makes no sense; the message names it.

    Attributes:
        cache_control: The value of `Cache-Control` of files (RFC 9111, 5.2). By default browsers may keep a file but
            ask whether it is still there. An id is never given to a second file: `private, max-age=31536000, immutable`
            never shows a wrong one, but deleted ones for a year.
        redirect_above: Bytes; a `GET` of a larger file is answered with 307 and a link to its backend, where that signs
            links (S3). `None` sends every file through the service.
    """

    cache_control: str = "no-cache"
    redirect_above: int | None = None

    def __post_init__(self) -> None:
        if not self.cache_control.strip() or not (self.cache_control.isascii() and self.cache_control.isprintable()):
            raise InvalidArgumentException(f"cache_control is the value of a header, got {self.cache_control!r}")
        require_optional_number(self.redirect_above, "redirect_above, in bytes,")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One router's.

    Attributes:
        idle_timeout: Seconds for which a client may take nothing before it counts as gone.
        slots: Places for larger files; `None` for any number.
        options: What the operator decides.
    """

    idle_timeout: float
    slots: Slots | None = None
    options: DownloadOptions = DownloadOptions()

    @classmethod
    def of(cls, limits: Limits, options: DownloadOptions) -> Self:
        """With places of its own."""
        places = limits.concurrent_downloads
        slots = Slots("downloads", places, share=limits.client_share, patience=limits.queue_timeout)
        return cls(limits.idle_timeout, slots, options)

    async def may_redirect(self, links: LinkService | None, file_id: str) -> bool:
        """Whether the file's size decides who sends it; raises as `LinkService.can_link`."""
        return links is not None and self.options.redirect_above is not None and await links.can_link(file_id)

    async def redirection(
        self, links: LinkService | None, info: FileBasicInfo, presentation: Presentation
    ) -> Response | None:
        """The response that leads to the backend; `None` where the service sends the file itself."""
        above, size = self.options.redirect_above, info.file_size
        if links is None or above is None or size is None or size <= above or not await links.can_link(info.file_id):
            return None
        offer = presentation.offer(info)
        target = await links.download_link(
            info.file_id,
            LINK_LIFETIME,
            file_name=offer.file_name,
            content_type=offer.content_type,
            inline=offer.inline,
        )
        # The target is a secret for a while: it is neither kept nor told to others.
        headers = {"Location": target, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
        return Response(status_code=307, headers=headers)
