"""Describing files."""

from s3py_helper.application.describe import file_info
from s3py_helper.application.locator import Locator, Purpose
from s3py_helper.application.migration.moved_files import MOVED
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.files import FileBasicInfo


class InfoService:
    """Describes files without reading them."""

    def __init__(self, locator: Locator) -> None:
        self._locator = locator

    async def get_file_info(self, file_id: str) -> FileBasicInfo:
        """What is known of a file.

        Args:
            file_id: The file.

        Raises:
            InvalidArgumentException: The id is not valid.
            FileNotFoundException: There is no such file.
            RouteNotSupportedException: The id's backend or bucket is not served here.
            StorageOperationException: The backend failed.
        """
        located = await self._locator.find(file_id, Purpose.DESCRIBE)
        return file_info(await located.info(), file_id)

    async def find_backend(self, file_id: str) -> str:
        """The backend that has the file now: for one that has moved, where it is.

        Args:
            file_id: The file.

        Raises:
            InvalidArgumentException: The id is not valid.
            FileNotFoundException: There is no such file.
            RouteNotSupportedException: The id's backend or bucket is not served here.
            StorageOperationException: The backend failed.
        """
        located = await self._locator.find(file_id, Purpose.DESCRIBE)
        backend = await located.backend_that_has_it()
        return Backend.S3 if backend == MOVED else backend
