"""`s3py link`."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from s3py_helper.application.links import LinkService
from s3py_helper.application.services import FileServices
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.text_rules import shortened
from s3py_helper.entrypoints.cli.exits import ExitCode
from s3py_helper.entrypoints.cli.given_ids import given_ids
from s3py_helper.entrypoints.cli.output import write_line
from s3py_helper.entrypoints.cli.running import each, run
from s3py_helper.entrypoints.settings import Settings

_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_FOR_EVER: Final = "never"
_LIFETIME: Final = re.compile(r"(\d{1,9})([smhd])")


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """What the user asked for."""

    lifetime: str = "1h"
    name: str | None = None
    inline: bool = False
    through_service: bool = False
    fastdfs: bool = False
    as_json: bool = False


def link(arguments: Sequence[str], options: LinkOptions) -> ExitCode:
    """Write a URL for each file, with which everybody can fetch it until it expires."""

    async def work(services: FileServices, settings: Settings) -> ExitCode:
        async def one(file_id: str) -> Callable[[], None]:
            url = await _url_of(file_id, services.link_service, options)
            return lambda: write_line(_as_json(file_id, url) if options.as_json else url)

        return await each(given_ids(arguments), one, at_once=settings.concurrent_files)

    return run(work)


def lifetime_of(text: str) -> timedelta:
    """`90s`, `15m`, `1h` or `7d` as a duration.

    Raises:
        InvalidArgumentException: It is none of these.
    """
    if (parts := _LIFETIME.fullmatch(text)) is None:
        raise InvalidArgumentException(f"a lifetime is written 90s, 15m, 1h or 7d, got {shortened(text)}")
    return timedelta(seconds=int(parts[1]) * _SECONDS[parts[2]])


async def _url_of(file_id: str, links: LinkService, options: LinkOptions) -> str:
    for_ever = options.lifetime == _FOR_EVER
    if options.fastdfs:
        lifetime = None if for_ever else lifetime_of(options.lifetime)
        return await links.fastdfs_link(file_id, lifetime, file_name=options.name)
    if for_ever:
        raise InvalidArgumentException("only links of FastDFS never expire: give a time, or --fastdfs")
    # What the backend cannot sign, the service's own keys can, where there are any.
    own = options.through_service or (links.service_links is not None and not await links.can_link(file_id))
    sign = links.service_link if own else links.download_link
    return await sign(file_id, lifetime_of(options.lifetime), file_name=options.name, inline=options.inline)


def _as_json(file_id: str, url: str) -> str:
    return json.dumps({"file_id": file_id, "url": url}, ensure_ascii=False)
