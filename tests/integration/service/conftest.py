"""The endpoints over a store in memory that fails on demand."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI

from s3py_helper.adapters.memory.store import MemoryBlobStore
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.file_type import FileTypeConfig
from s3py_helper.domain.validation import FileValidatorImpl
from s3py_helper.entrypoints.http import create_files_router
from s3py_helper.entrypoints.http.limits.limits import Limits
from s3py_helper.entrypoints.http.problems.handlers import install_problem_handlers
from s3py_helper.testing import FailingStore
from tests.integration.service.running import served, services_on

LIMIT = 4 * 1024 * 1024


@dataclass(frozen=True)
class Service:
    """What runs, and where to look at it from behind."""

    url: str
    store: FailingStore
    kept: MemoryBlobStore


# What depends on when bytes come and go is tried with the protocol of `s3py serve`, which is uvicorn's on httptools and
# more, and with uvicorn's on h11, which others may have. The rest runs on uvicorn's own choice.
both_parsers = pytest.mark.parametrize("http_parser", ["ours", "h11"])


@pytest.fixture
def http_parser() -> str:
    return "auto"


@pytest.fixture
async def service(http_parser: str) -> AsyncIterator[Service]:
    async with MemoryBlobStore(Backend.S3, "my-bucket") as kept:
        store = FailingStore(kept)
        services = services_on(store, FileValidatorImpl(FileTypeConfig(blacklist=["exe"]), LIMIT))
        app = FastAPI()
        install_problem_handlers(app)
        app.include_router(create_files_router(lambda: services, limits=Limits(idle_timeout=1, max_file_size=LIMIT)))
        async with served(app, http=http_parser) as url:
            yield Service(url, store, kept)


@pytest.fixture
async def client(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=service.url, timeout=20) as client:
        yield client
