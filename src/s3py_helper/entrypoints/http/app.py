"""The service."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import Depends, FastAPI, Request

from s3py_helper.application.services import FileServices
from s3py_helper.entrypoints.container.container import open_services
from s3py_helper.entrypoints.http.auth import BearerToken
from s3py_helper.entrypoints.http.health import create_health_router
from s3py_helper.entrypoints.http.problems.handlers import install_problem_handlers
from s3py_helper.entrypoints.http.router import create_files_router
from s3py_helper.entrypoints.settings import Settings, load_settings


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service of one deployment, for any ASGI server; backends are open while its lifespan lasts.

    Args:
        settings: By default what the environment and `.env` say.

    Raises:
        InvalidArgumentException: Settings are missing or wrong; the message names them.
    """
    settings = settings or load_settings()
    kit_config = settings.kit_config()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[Mapping[str, object]]:
        async with open_services(kit_config) as services:
            yield {"services": services}

    app = FastAPI(
        title="s3py-helper",
        summary="Files on S3, FastDFS and the local disk.",
        version=version("s3py-helper"),
        lifespan=lifespan,
        redirect_slashes=False,
    )
    install_problem_handlers(app)
    app.include_router(
        create_files_router(
            _services,
            dependencies=[] if settings.api_token is None else [Depends(BearerToken(settings.api_token))],
            concurrent_uploads=settings.concurrent_uploads,
            idle_timeout=settings.idle_timeout,
            max_file_size=settings.max_file_size,
        )
    )
    app.include_router(create_health_router(details=settings.api_token is None))
    return app


def _services(request: Request) -> FileServices:
    services: FileServices = request.state.services
    return services
