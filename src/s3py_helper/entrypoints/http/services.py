"""What the endpoints need of an application, and where they find it."""

from typing import Any, Final, Protocol, cast

from starlette.requests import HTTPConnection
from starlette.types import Scope

from s3py_helper.application.copy import CopyService
from s3py_helper.application.delete import DeleteService
from s3py_helper.application.download import DownloadService
from s3py_helper.application.info import InfoService
from s3py_helper.application.links import LinkService
from s3py_helper.application.listing import ListService
from s3py_helper.application.services import FileServices
from s3py_helper.application.upload import UploadService
from s3py_helper.domain.errors import StorageOperationException

SERVICES_KEY: Final = "s3py_helper"
"""Under this name a lifespan puts the services into the state that requests see."""

_NO_STATE: Final[dict[str, Any]] = {}


class ServesFiles(Protocol):
    """`FileServices`, an open `StorageManager`, or an object of your own."""

    @property
    def upload_service(self) -> UploadService:
        """Stores files."""
        ...

    @property
    def download_service(self) -> DownloadService:
        """Reads files."""
        ...

    @property
    def delete_service(self) -> DeleteService:
        """Removes files."""
        ...

    @property
    def info_service(self) -> InfoService:
        """Describes files."""
        ...

    @property
    def list_service(self) -> ListService:
        """Enumerates files."""
        ...


class ServesLinks(ServesFiles, Protocol):
    """The same with links."""

    @property
    def link_service(self) -> LinkService:
        """Signs links, and knows its own."""
        ...


def link_service_of(services: ServesFiles) -> LinkService:
    """The service that signs links; an object of your own may have none, if nobody asks for links."""
    return cast("ServesLinks", services).link_service


def copy_service_of(services: ServesFiles) -> CopyService:
    """The service that copies files; an object of your own may have none, if nobody asks for copies."""
    return cast("FileServices", services).copy_service


def links_of(services: ServesFiles) -> LinkService | None:
    """The service that signs links, where there is one: no endpoint depends on it."""
    return getattr(services, "link_service", None)


async def current_services(connection: HTTPConnection) -> FileServices:
    """The services that the application's lifespan has opened: a FastAPI dependency.

    Raises:
        StorageOperationException: It has opened none.
    """
    # Not a plain function: FastAPI would call it in a thread, and starting one holds the event loop up.
    return services_of(connection)


def services_of(connection: HTTPConnection) -> FileServices:
    """The same for who is no dependency."""
    return services_in(connection.scope)


def services_in(scope: Scope) -> FileServices:
    """The same for who has made no object of the request."""
    services: FileServices | None = scope.get("state", _NO_STATE).get(SERVICES_KEY)
    if services is None:
        raise StorageOperationException(
            "this application has no open storage: make it with FastAPI(lifespan=storage_lifespan(manager))"
        )
    return services
