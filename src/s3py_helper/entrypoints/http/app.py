"""The service."""

from collections.abc import AsyncGenerator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, override

from fastapi import Depends, FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from s3py_helper.entrypoints.action import Action
from s3py_helper.entrypoints.container.container import open_services
from s3py_helper.entrypoints.http.access.access import Access
from s3py_helper.entrypoints.http.access.cors import with_cors
from s3py_helper.entrypoints.http.access.tokens import Tokens
from s3py_helper.entrypoints.http.browser.documentation.routes import add_documentation
from s3py_helper.entrypoints.http.browser.page.routes import add_page
from s3py_helper.entrypoints.http.crew import Crew
from s3py_helper.entrypoints.http.description import describe_problems
from s3py_helper.entrypoints.http.downloads.delivery import Delivery, DownloadOptions
from s3py_helper.entrypoints.http.endpoints.direct import DirectReads
from s3py_helper.entrypoints.http.endpoints.direct_route import DirectRoute
from s3py_helper.entrypoints.http.endpoints.shared import Shared
from s3py_helper.entrypoints.http.endpoints.signed import create_signed_router
from s3py_helper.entrypoints.http.exchange import Exchange, announces_body
from s3py_helper.entrypoints.http.fastdfs_links.router import add_fastdfs_links
from s3py_helper.entrypoints.http.guard import Guard
from s3py_helper.entrypoints.http.health import Draining, create_health_router
from s3py_helper.entrypoints.http.limits.connections import with_connections_for
from s3py_helper.entrypoints.http.limits.limits import Limits
from s3py_helper.entrypoints.http.limits.rates import RateLimit
from s3py_helper.entrypoints.http.migration.switched_off import create_switched_off_router
from s3py_helper.entrypoints.http.problems.handlers import install_problem_handlers
from s3py_helper.entrypoints.http.rate_gate import RateGate
from s3py_helper.entrypoints.http.router import router_of
from s3py_helper.entrypoints.http.services import SERVICES_KEY, current_services, services_of
from s3py_helper.entrypoints.http.stamped import create_stamped_router
from s3py_helper.entrypoints.http.watching.watch import Watch
from s3py_helper.entrypoints.http.watching.watchers import Watchers
from s3py_helper.entrypoints.settings import Settings, load_settings

if TYPE_CHECKING:
    from s3py_helper.entrypoints.http.metrics import MoreMetrics
    from s3py_helper.entrypoints.http.migration.feeds import Feeds


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service of one deployment, for any ASGI server; backends are open while its lifespan lasts.

    Args:
        settings: By default what the environment and `.env` say.

    Raises:
        InvalidArgumentException: Settings are missing or wrong; the message names them.
    """
    return create_worker(settings or load_settings())


def create_worker(settings: Settings, crew: Crew | None = None) -> "Service":
    """As `create_app`, for one of several processes that share what `crew` has."""
    crew = crew or Crew()
    limits = _limits_of(settings).divided(crew.size)
    watchers = Watchers(metrics=settings.metrics)
    kit_config = replace(settings.kit_config(), observer=watchers.of_backends)
    tokens = Tokens.of(settings, kit_config.policy)
    if kit_config.s3 is not None:
        kit_config = replace(kit_config, s3=with_connections_for(limits, kit_config.s3))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[Mapping[str, object]]:
        # The page's files are read by threads of anyio, whose import takes 30 ms: not in the first request.
        await run_in_threadpool(bool)
        async with open_services(kit_config) as services, watchers.watching(services.health_service.pool_use):
            yield {SERVICES_KEY: services}

    app = Service(
        settings,
        tokens,
        watchers,
        crew,
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
    describe_problems(app)
    access = Access(None if tokens is None else tokens.authorize)
    downloads = DownloadOptions(settings.cache_control, settings.redirect_above)
    shared = Shared(current_services, access, limits, Delivery.of(limits, downloads))
    app.include_router(router_of(shared, dependencies=[] if tokens is None else [Depends(tokens)]))
    if kit_config.service_links is not None:
        app.include_router(create_signed_router(limits=limits))
    app.include_router(create_health_router(partial(_may_look_inside, tokens), app.draining))
    app.include_router(create_stamped_router())
    feeds = _add_migration(app, settings, shared, [] if tokens is None else [Depends(tokens)])
    if watchers.metrics is not None:
        # Imported here: the package is optional.
        from s3py_helper.entrypoints.http.metrics import create_metrics_router  # noqa: PLC0415 - see above

        app.include_router(
            create_metrics_router(watchers.metrics, access, None if feeds is None else _metrics_of(feeds))
        )
    # The rule of the tokens asks for one, so that nothing is left out that the dependency does.
    app.router.routes.insert(0, DirectReads("/files", shared))
    if settings.docs:
        add_documentation(app)
    if settings.page:
        signs_links = kit_config.service_links is not None
        add_page(app, mode=settings.mode, needs_token=tokens is not None, signs_links=signs_links)
    if settings.fastdfs_links.enabled:
        add_fastdfs_links(app, settings.fastdfs_links, limits)
    return app


def _add_migration(app: "Service", settings: Settings, shared: Shared, dependencies: Sequence[Any]) -> "Feeds | None":
    """The page of the migration with its endpoints; gives what reads the ledger for them, where there is one."""
    if settings.migration is None:
        app.include_router(create_switched_off_router(dependencies=dependencies))
        return None
    # Imported here, as few deployments migrate.
    from s3py_helper.entrypoints.http.browser.migration.routes import (  # noqa: PLC0415 - see above
        create_migration_page_router,
    )
    from s3py_helper.entrypoints.http.migration.feeds import Feeds  # noqa: PLC0415 - see above
    from s3py_helper.entrypoints.http.migration.router import migration_router_of  # noqa: PLC0415 - see above

    feeds = Feeds()
    if settings.page:
        app.include_router(create_migration_page_router(needs_token=settings.has_tokens))
    app.include_router(
        migration_router_of(
            feeds,
            shared.access,
            dependencies=dependencies,
            limits=shared.limits,
            is_stopping=lambda: app.draining.begun,
        )
    )
    return feeds


def _metrics_of(feeds: "Feeds") -> "MoreMetrics":
    from s3py_helper.entrypoints.http.migration.metrics import exposed  # noqa: PLC0415 - the package is optional

    async def metrics(request: Request) -> bytes:
        migration = services_of(request).migration
        return b"" if migration is None else await exposed(feeds.of(migration))

    return metrics


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


class Service(FastAPI):
    """The application with what has to stand outside everything in it, middleware included.

    Attributes:
        draining: Whether it is being stopped.
    """

    def __init__(
        self, settings: Settings, tokens: Tokens | None, watchers: Watchers, crew: Crew, **options: Any
    ) -> None:
        super().__init__(**options)
        self.draining = Draining()
        self._root_path = settings.root_path
        self._guard = Guard.of(settings)
        self._rates: RateGate | None = None
        if settings.rate_limit:
            rate = RateLimit(settings.rate_limit, settings.rate_burst, crew.rates, crew.salt)
            self._rates = RateGate(rate, tokens, settings.root_path)
        self._inner = with_cors(self._answer, settings)
        self._watched = Watch(self._let_in, watchers.of_requests)

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._root_path:
            scope["root_path"] = self._root_path
        await self._watched(scope, receive, send)

    def _let_in(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] == "http" and (refusal := self._refusal(scope)) is not None:
            exchange = Exchange(scope, receive, send)
            return refusal(scope, exchange.receive, exchange.send)
        return self._inner(scope, receive, send)

    def _answer(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Have the first of the routes respond that can do without the framework, else the framework."""
        # What an embedder has added is never left out, be it in the way of OpenTelemetry's instrumentation of FastAPI.
        if (
            scope["type"] == "http"
            and not self.user_middleware
            and "build_middleware_stack" not in vars(self)
            and not announces_body(scope)
        ):
            scope["app"] = self
            if self.root_path:
                scope["root_path"] = self.root_path
            for route in self.router.routes:
                if not isinstance(route, DirectRoute):
                    break
                match, found = route.matches(scope)
                if match is Match.FULL:
                    scope.update(found)
                    return route.answer(scope, receive, send, super().__call__)
        return super().__call__(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        refusal = self._guard.refusal(scope)
        return self._rates.refusal(scope) if refusal is None and self._rates is not None else refusal
