"""The service."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import Any, override

from fastapi import Depends, FastAPI, Request
from starlette.types import Receive, Scope, Send

from s3py_helper.entrypoints.action import Action
from s3py_helper.entrypoints.container.container import open_services
from s3py_helper.entrypoints.http.access.access import Access
from s3py_helper.entrypoints.http.access.cors import with_cors
from s3py_helper.entrypoints.http.access.tokens import Tokens
from s3py_helper.entrypoints.http.browser.documentation.routes import add_documentation
from s3py_helper.entrypoints.http.browser.page.routes import add_page
from s3py_helper.entrypoints.http.downloads.delivery import Delivery, DownloadOptions
from s3py_helper.entrypoints.http.endpoints.direct import DirectReads
from s3py_helper.entrypoints.http.endpoints.shared import Shared
from s3py_helper.entrypoints.http.exchange import Exchange
from s3py_helper.entrypoints.http.guard import Guard
from s3py_helper.entrypoints.http.health import create_health_router
from s3py_helper.entrypoints.http.limits.connections import with_connections_for
from s3py_helper.entrypoints.http.limits.limits import Limits
from s3py_helper.entrypoints.http.problems.handlers import install_problem_handlers
from s3py_helper.entrypoints.http.problems.route import ResponseCutShort
from s3py_helper.entrypoints.http.router import router_of
from s3py_helper.entrypoints.http.services import SERVICES_KEY, current_services
from s3py_helper.entrypoints.settings import Settings, load_settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service of one deployment, for any ASGI server; backends are open while its lifespan lasts.

    Args:
        settings: By default what the environment and `.env` say.

    Raises:
        InvalidArgumentException: Settings are missing or wrong; the message names them.
    """
    settings = settings or load_settings()
    limits = _limits_of(settings)
    kit_config = settings.kit_config()
    if kit_config.s3 is not None:
        kit_config = replace(kit_config, s3=with_connections_for(limits, kit_config.s3))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[Mapping[str, object]]:
        async with open_services(kit_config) as services:
            yield {SERVICES_KEY: services}

    app = _Service(
        settings,
        title="s3py-helper",
        summary="Files on S3, FastDFS and the local disk.",
        version=version("s3py-helper"),
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if settings.docs else None,
    )
    install_problem_handlers(app)
    tokens = Tokens.of(settings, kit_config.policy)
    access = Access(None if tokens is None else tokens.authorize)
    downloads = DownloadOptions(settings.cache_control, settings.redirect_above)
    shared = Shared(current_services, access, limits, Delivery.of(limits, downloads))
    app.include_router(router_of(shared, dependencies=[] if tokens is None else [Depends(tokens)]))
    app.include_router(create_health_router(partial(_may_look_inside, tokens)))
    # The rule of the tokens asks for one, so that nothing is left out that the dependency does.
    app.router.routes.insert(0, DirectReads("/files", shared))
    if settings.docs:
        add_documentation(app)
    if settings.page:
        add_page(app, mode=settings.mode, needs_token=tokens is not None)
    return app


def _may_look_inside(tokens: Tokens | None, request: Request) -> bool:
    return tokens is None or tokens.permits(request, Action.ADMIN)


def _limits_of(settings: Settings) -> Limits:
    return Limits(
        idle_timeout=settings.idle_timeout,
        min_upload_rate=settings.min_upload_rate,
        concurrent_uploads=settings.concurrent_uploads,
        concurrent_downloads=settings.concurrent_downloads,
        concurrent_archives=settings.concurrent_archives,
        list_memory=settings.list_memory,
        queue_timeout=settings.queue_timeout,
        client_share=settings.client_share,
        max_file_size=settings.max_file_size,
    )


class _Service(FastAPI):
    """The application with what has to stand outside everything in it, middleware included."""

    def __init__(self, settings: Settings, **options: Any) -> None:
        super().__init__(**options)
        self._guard = Guard.of(settings)
        self._inner = with_cors(super().__call__, settings)

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (refusal := self._guard.refusal(scope)) is not None:
            exchange = Exchange(scope, receive, send)
            await refusal(scope, exchange.receive, exchange.send)
            return
        try:
            await self._inner(scope, receive, send)
        except ResponseCutShort:
            # Logged where it happened. Nothing outside would complete the response, so that the server, which would
            # log the whole traceback, need not be told more than that the response is not complete.
            return
