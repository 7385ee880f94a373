"""Health is believed when S3 has said so: whatever stands in the way may answer a HEAD with 200."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from s3py_helper.adapters.s3.health import S3Health
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.domain.errors import StorageUnavailableException
from tests.support.s3.scripted import error, scripted_server

pytestmark = pytest.mark.timeout(30)

LIST = "<ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><Name>tests</Name></ListBucketResult>"
PAGES = {
    "a page": "<!DOCTYPE html>\n<html><body>Please log in<br></body></html>",
    "a page in XML": "<html xmlns='http://www.w3.org/1999/xhtml'><body>Please log in</body></html>",
    "nothing": "",
}


@asynccontextmanager
async def checked(listing: Callable[[], web.Response], **headers: str) -> AsyncIterator[tuple[S3Health, list[str]]]:
    """Health of a server that answers every HEAD with 200 and these headers, and its bucket's listing as is said."""
    seen: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.method)
        return web.Response(headers=headers) if request.method == "HEAD" else listing()

    async with scripted_server(answer) as server, S3Session(server.config()) as session:
        yield S3Health(session), seen


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
async def test_a_page_to_log_in_is_no_storage(page: str) -> None:
    async with checked(lambda: web.Response(text=page, content_type="text/html")) as (health, seen):
        with pytest.raises(StorageUnavailableException):
            await health.check()
    assert seen == ["HEAD", "GET"], "a check asks once, and whoever asks for health asks again"


async def test_a_header_of_s3_is_enough() -> None:
    async with checked(web.Response, **{"x-amz-request-id": "1"}) as (health, seen):
        await health.check()
    assert seen == ["HEAD"]


@pytest.mark.parametrize(
    "listing",
    [
        lambda: web.Response(text=LIST, content_type="application/xml"),
        lambda: error(403, "AccessDenied", "you may not list"),
    ],
)
async def test_a_server_without_such_headers_shows_itself_by_a_document(listing: Callable[[], web.Response]) -> None:
    async with checked(listing) as (health, _):
        await health.check()


async def test_a_refusal_that_is_a_page_proves_nothing() -> None:
    refused = web.Response(status=403, text=PAGES["a page"], content_type="text/html")
    async with checked(lambda: refused) as (health, _):
        with pytest.raises(Exception, match="health check"):
            await health.check()
