"""What the endpoints need of an application."""

from typing import Protocol

from s3py_helper.application.delete import DeleteService
from s3py_helper.application.download import DownloadService
from s3py_helper.application.info import InfoService
from s3py_helper.application.upload import UploadService


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
