"""Describing files."""

from s3py_helper.application.describe import file_info
from s3py_helper.application.ids import IdFormat
from s3py_helper.application.router import StoreRouter
from s3py_helper.domain.files import FileBasicInfo


class InfoService:
    """Describes files without reading them."""

    def __init__(self, router: StoreRouter, ids: IdFormat | None = None) -> None:
        self._router = router
        self._ids = ids or IdFormat()

    async def get_file_info(self, file_id: str) -> FileBasicInfo:
        """What is known of a file.

        Raises:
            InvalidArgumentException: The id is not valid.
            FileNotFoundException: There is no such file.
            RouteNotSupportedException: The id's backend or bucket is not served here.
            StorageOperationException: The backend failed.
        """
        parsed = self._ids.parse(file_id)
        return file_info(await self._router.for_describing(parsed).store.info(parsed), self._ids)
