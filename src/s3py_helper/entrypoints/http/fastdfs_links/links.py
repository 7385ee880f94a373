"""One request for an old link, from its path to its response."""

from time import time
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope

from s3py_helper.domain.errors import FileNotFoundException
from s3py_helper.domain.fastdfs_link import LinkPath, LinkQuery, parse_link_query
from s3py_helper.domain.fastdfs_token import TokenVerdict
from s3py_helper.entrypoints.action import Action
from s3py_helper.entrypoints.container.fastdfs_links import FastdfsLinksConfig, rules_of
from s3py_helper.entrypoints.http.access.access import Access
from s3py_helper.entrypoints.http.downloads.delivery import Delivery
from s3py_helper.entrypoints.http.downloads.file import file_response
from s3py_helper.entrypoints.http.fastdfs_links.deny_page import DenyPage
from s3py_helper.entrypoints.http.fastdfs_links.presentation import LinkPresentation
from s3py_helper.entrypoints.http.fastdfs_links.strict_ranges import with_strict_range
from s3py_helper.entrypoints.http.problems.response import ProblemResponse
from s3py_helper.entrypoints.http.problems.table import INVALID_LINK_TOKEN
from s3py_helper.entrypoints.http.services import ServesFiles, links_of


class FastdfsLinks:
    """Answers links as a configuration says.

    Args:
        config: How links are answered.
        access: Asked for each file, besides its token.
        delivery: How files are sent.

    Raises:
        InvalidArgumentException: The deny page cannot be read.
    """

    def __init__(self, config: FastdfsLinksConfig, access: Access, delivery: Delivery) -> None:
        self._config = config
        self._rules = rules_of(config)
        self._access = access
        self._delivery = delivery
        self._deny_page = None if config.deny_page is None else DenyPage.read(config.deny_page, strict=config.strict)

    async def respond(self, scope: Scope, receive: Receive, services: ServesFiles, link: LinkPath | None) -> Response:
        """The response to GET or HEAD.

        The token goes first: without one nothing is told about files.

        Args:
            scope: The request.
            receive: Gives its body, should the rule ask for it.
            services: Where files are.
            link: What its path names; `None` where it is not meant as a link.

        Raises:
            StorageException: As `file_response`; `InvalidArgumentException` for what is no link.
        """
        config = self._config
        if link is None:
            raise FileNotFoundException("no link to a file", operation="download")
        query = parse_link_query(scope["query_string"])
        if config.secret is not None and (refusal := self._refusal(link, query)) is not None:
            return refusal
        file_id = self._rules.file_id_of(link)
        if self._access.asks:
            await self._access.require(Request(scope, receive), Action.READ, file_id)
        presentation = LinkPresentation(
            name=link.name,
            link_cache_control=config.cache_control,
            filename=query.filename,
            strict=config.strict,
        )
        response = await file_response(
            with_strict_range(scope) if config.strict else scope,
            services.download_service,
            file_id,
            self._delivery,
            presentation,
            links=links_of(services),
        )
        if config.accel_location is not None and "location" in response.headers:
            return _left_to_nginx(response.headers["location"], config.accel_location, config.cache_control)
        return response

    def _refusal(self, link: LinkPath, query: LinkQuery) -> Response | None:
        """The response to a link whose token is not right."""
        verdict = self._rules.verdict_on(link, query, time())
        if verdict is TokenVerdict.VALID:
            return None
        if verdict is TokenVerdict.MISSING or self._deny_page is None:
            return ProblemResponse(
                INVALID_LINK_TOKEN, "the link's token is missing, wrong or expired: ask for another link"
            )
        return self._deny_page.response()


def _left_to_nginx(target: str, location: str, cache_control: str | None) -> Response:
    """The response that has an nginx in front fetch the file from S3 itself.

    Type and name come from S3, as the URL asks for them; nginx keeps `Cache-Control` of this response (its manual,
    ngx_http_upstream_module, "X-Accel-Redirect").
    """
    url = urlsplit(target)
    headers = {"X-Accel-Redirect": f"{location}{url.path.removeprefix('/')}?{url.query}"}
    return Response(headers=headers if cache_control is None else headers | {"Cache-Control": cache_control})
