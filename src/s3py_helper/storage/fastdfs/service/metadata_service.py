"""Metadata of files that are stored already."""

from collections.abc import Mapping

from s3py_helper.adapters.fastdfs.metadata import RESERVED, check_names, check_sizes
from s3py_helper.application.locator import Purpose
from s3py_helper.domain.arguments import require_instance
from s3py_helper.domain.metadata import check_metadata
from s3py_helper.storage.fastdfs.client.fastdfs_client import FastdfsClient


class FastdfsMetadataServiceImpl:
    """Reads and changes the pairs that users attach to files; a file's name and type are left alone.

    Args:
        fdfs_client: The client, open while the service is used.

    Attributes:
        locator: Where it looks for files.
    """

    def __init__(self, fdfs_client: FastdfsClient) -> None:
        self.locator = require_instance(fdfs_client, FastdfsClient, "fdfs_client").locator()
        self._commands = fdfs_client.commands

    async def get_metadata(self, file_id: str) -> dict[str, str]:
        """The pairs that were attached to a file; empty where there are none.

        Raises:
            InvalidArgumentException: The id is not valid.
            FileNotFoundException: There is no such file.
            RouteNotSupportedException: The id is not one of FastDFS.
            StorageOperationException: FastDFS failed.
        """
        located = await self.locator.find(file_id, Purpose.DESCRIBE)
        with located.operation("metadata"):
            stored = await self._commands.metadata(located.file_id)
        return {name: value for name, value in stored.items() if name not in RESERVED}

    async def set_metadata(self, file_id: str, metadata: Mapping[str, str], *, merge: bool = False) -> None:
        """Replace the pairs of a file; with `merge` those of other names stay.

        Without `merge` this reads and then writes: of two callers at once the one that writes last wins.

        Args:
            file_id: The file.
            metadata: Names of up to 64 and values of up to 256 bytes of UTF-8.
            merge: Whether to keep pairs whose names are not among the new ones.

        Raises:
            InvalidArgumentException: The id or the pairs are not valid.
            FileNotFoundException: There is no such file.
            RouteNotSupportedException: The id is not one of FastDFS.
            StorageOperationException: FastDFS failed.
        """
        pairs = check_metadata(metadata)
        check_names(pairs)
        check_sizes(pairs)
        located = await self.locator.find(file_id, Purpose.DESCRIBE)
        with located.operation("metadata"):
            if not merge:
                stored = await self._commands.metadata(located.file_id)
                pairs |= {name: value for name, value in stored.items() if name in RESERVED}
            await self._commands.set_metadata(located.file_id, pairs, merge=merge)
