"""Storage that is open as long as the application runs, and the way from a request to it."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI

from s3py_helper.application.services import FileServices
from s3py_helper.entrypoints.http.services import SERVICES_KEY, current_services
from s3py_helper.storage.manager import StorageManager

type Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[Mapping[str, object]]]
"""What `FastAPI(lifespan=...)` takes."""

Services = Annotated[FileServices, Depends(current_services)]
"""Annotate a parameter of an endpoint with this to get the services that `storage_lifespan` has opened."""


def storage_lifespan(manager: StorageManager) -> Lifespan:
    """A lifespan that opens the manager when the application starts, and closes it when the application stops.

    An application that has a lifespan already runs this one within it, and passes its state on:

    ```python
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[Mapping[str, object]]:
        async with storage_lifespan(manager)(app) as state, open_database() as database:
            yield {**state, "database": database}
    ```

    Args:
        manager: Not open yet. After the application has stopped it can be opened again.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[Mapping[str, object]]:
        async with manager:
            yield {SERVICES_KEY: manager.services}

    return lifespan
