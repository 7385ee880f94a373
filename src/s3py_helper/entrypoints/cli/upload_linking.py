"""`s3py upload-link`."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from s3py_helper.application.links import LinkService
from s3py_helper.application.services import FileServices
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.entrypoints.cli.exits import ExitCode
from s3py_helper.entrypoints.cli.linking import lifetime_of
from s3py_helper.entrypoints.cli.output import write_line
from s3py_helper.entrypoints.cli.running import each, run
from s3py_helper.entrypoints.settings import Settings


@dataclass(frozen=True, slots=True)
class UploadLinkOptions:
    """What the user asked for."""

    lifetime: str = "1h"
    folder: str | None = None
    bucket: str | None = None
    content_type: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    max_size: int | None = None
    through_service: bool = False
    as_json: bool = False


@dataclass(frozen=True, slots=True)
class _UploadLink:
    """Where one file can be put.

    Attributes:
        url: Target of the PUT.
        headers: What it must carry.
        file_id: The id that the file will have; `None` where only the response tells it.
    """

    url: str
    headers: Mapping[str, str]
    file_id: str | None = None


def link_uploads(names: Sequence[str], options: UploadLinkOptions) -> ExitCode:
    """Write a curl line, or an object, for each name, with which everybody can store a file until it expires."""

    async def work(services: FileServices, settings: Settings) -> ExitCode:
        links = services.link_service
        # What the backend cannot sign, the service's own keys can, where there are any.
        own = options.through_service or (links.service_links is not None and not links.can_link_uploads)

        async def one(name: str) -> Callable[[], None]:
            link = _to_service(name, links, options) if own else await _to_backend(name, links, options)
            return lambda: write_line(_as_json(link) if options.as_json else _as_curl(link, name))

        return await each(names, one, at_once=settings.concurrent_files)

    return run(work)


def _to_service(name: str, links: LinkService, options: UploadLinkOptions) -> _UploadLink:
    if options.metadata:
        raise InvalidArgumentException("links to the service take no --metadata")
    kind = options.content_type
    url = links.service_upload_link(
        name,
        lifetime_of(options.lifetime),
        options.folder,
        options.bucket,
        content_type=kind,
        max_size=options.max_size,
    )
    return _UploadLink(url, {} if kind is None else {"content-type": kind})


async def _to_backend(name: str, links: LinkService, options: UploadLinkOptions) -> _UploadLink:
    if options.max_size is not None:
        raise InvalidArgumentException("links to S3 itself bound no size: --max-size needs --service")
    link = await links.upload_link(
        name,
        lifetime_of(options.lifetime),
        options.folder,
        options.bucket,
        options.metadata,
        content_type=options.content_type,
    )
    return _UploadLink(link.url, link.headers, link.file_id)


def _as_curl(link: _UploadLink, name: str) -> str:
    headers = [part for header in link.headers.items() for part in ("-H", ": ".join(header))]
    # A name with a hyphen in front is no option behind ./, and what is a pattern to curl stands for itself with -g.
    return shlex.join(["curl", "-fg", "-T", f"./{name}", *headers, link.url])


def _as_json(link: _UploadLink) -> str:
    facts = {"url": link.url, "method": "PUT", "headers": link.headers, "file_id": link.file_id}
    return json.dumps({name: fact for name, fact in facts.items() if fact is not None}, ensure_ascii=False)
