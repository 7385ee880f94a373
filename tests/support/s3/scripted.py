"""A server that answers as a test tells it, for answers that real servers do not give on command."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.s3.server import S3Server

type Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def scripted_server(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[S3Server]:
    """Every request, whatever its method and path, is answered by `answer`."""
    application = web.Application(client_max_size=64 * 1024 * 1024)
    application.router.add_route("*", "/{path:.*}", answer)
    server = TestServer(application, scheme="http" if tls is None else "https", host="127.0.0.1")
    await server.start_server(ssl=tls)
    try:
        yield S3Server("scripted", str(server.make_url("/")).rstrip("/"), "ak", "the-secret")
    finally:
        await server.close()


def error(status: int, code: str, message: str = "") -> web.Response:
    """An error answer as S3 writes it."""
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return web.Response(status=status, text=body, content_type="application/xml")
