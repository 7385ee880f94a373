"""Removing files."""

from s3py_helper.application.locator import Locator, Purpose


class DeleteService:
    """Removes files from the backends that their ids name."""

    def __init__(self, locator: Locator) -> None:
        self._locator = locator

    async def delete_file(self, file_id: str) -> None:
        """Remove a file. On S3 a missing one is no error.

        Args:
            file_id: The file.

        Raises:
            InvalidArgumentException: The id is not valid.
            FileNotFoundException: There is no such file (FastDFS and local disk).
            RouteNotSupportedException: The id's backend or bucket is not served here.
            DeleteNotSupportedException: Deleting from that backend is switched off.
            StorageOperationException: The backend failed.
        """
        located = await self._locator.find(file_id, Purpose.DELETE)
        await located.delete()
