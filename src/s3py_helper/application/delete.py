"""Removing files."""

from s3py_helper.application.ids import IdFormat
from s3py_helper.application.router import StoreRouter


class DeleteService:
    """Removes files from the backends that their ids name."""

    def __init__(self, router: StoreRouter, ids: IdFormat | None = None) -> None:
        self._router = router
        self._ids = ids or IdFormat()

    async def delete_file(self, file_id: str) -> None:
        """Remove a file. S3 does not mind when there is none.

        Raises:
            InvalidArgumentException: The id is not valid.
            FileNotFoundException: There is no such file (FastDFS and local disk).
            RouteNotSupportedException: The id's backend or bucket is not served here.
            DeleteNotSupportedException: Deleting from that backend is switched off.
            StorageOperationException: The backend failed.
        """
        parsed = self._ids.parse(file_id)
        await self._router.for_deleting(parsed).store.delete(parsed)
