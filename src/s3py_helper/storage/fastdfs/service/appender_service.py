"""Files that can still change."""

from collections.abc import Mapping

from s3py_helper.application.locator import Purpose
from s3py_helper.application.operation import Operation
from s3py_helper.domain.arguments import require_instance
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.files import FileAttach
from s3py_helper.storage.fastdfs.client.fastdfs_client import FastdfsClient
from s3py_helper.storage.fastdfs.new_file import attach_of, new_blob, whole


class FastdfsAppenderServiceImpl:
    """Works with appender files: they are made, grow, change in place and shrink, and may become normal files.

    A change is made by one request. A cancelled caller waits for its end, because a server keeps what it has of a
    request that breaks off; that is why a part may have been written when the connection broke or the server failed.
    FastDFS does not keep writers apart, so that one writer at a time should work on a file. Replicas see a change a
    little later.

    The ids of appender files do not tell size and checksum: reading them takes a further request, and downloads are
    verified by length only.

    Args:
        fdfs_client: The client, open while the service is used.

    Attributes:
        locator: Where it looks for files.
    """

    def __init__(self, fdfs_client: FastdfsClient) -> None:
        self.locator = require_instance(fdfs_client, FastdfsClient, "fdfs_client").locator()
        self._commands = fdfs_client.commands

    async def create(
        self, file_name: str, content: bytes = b"", metadata: Mapping[str, str] | None = None
    ) -> FileAttach:
        """Store a file that can change.

        Args:
            file_name: The file's name. Its extension becomes part of the id where FastDFS takes it (6 characters).
            content: Its first bytes.
            metadata: Pairs of your own.

        Returns:
            The id, and what is known of the file.

        Raises:
            InvalidArgumentException: Name or metadata are not valid.
            StorageOperationException: FastDFS failed; nothing was stored.
        """
        content = whole(content)
        blob = new_blob(file_name, content, metadata)
        with Operation(self.locator.observer, "upload", Backend.FASTDFS) as operation:
            file_id = await self._commands.create_appender(blob, content)
            operation.size = len(content)
        return attach_of(blob, file_id, content)

    async def append(self, file_id: str, content: bytes) -> None:
        """Add bytes at the end of the file.

        Args:
            file_id: The appender file.
            content: The bytes.

        Raises:
            InvalidArgumentException: The id is not valid, or not that of an appender file.
            FileNotFoundException: There is no such file.
            RouteNotSupportedException: The id is not one of FastDFS.
            StorageOperationException: FastDFS failed; a part of the bytes may have been added.
        """
        content = whole(content)
        located = await self.locator.find(file_id, Purpose.DESCRIBE)
        with located.operation("append") as operation:
            await self._commands.append(located.file_id, content)
            operation.size = len(content)

    async def modify(self, file_id: str, offset: int, content: bytes) -> None:
        """Write bytes over those that are there.

        Args:
            file_id: The appender file.
            offset: Where the first one goes; not behind the end of the file.
            content: The bytes; they may reach beyond the end.

        Raises:
            InvalidArgumentException: The id is not valid or not that of an appender file, or the file is shorter.
            FileNotFoundException: There is no such file.
            RouteNotSupportedException: The id is not one of FastDFS.
            StorageOperationException: FastDFS failed; a part of the bytes may have been written.
        """
        content = whole(content)
        located = await self.locator.find(file_id, Purpose.DESCRIBE)
        with located.operation("modify") as operation:
            await self._commands.modify(located.file_id, offset, content)
            operation.size = len(content)

    async def truncate(self, file_id: str, size: int = 0) -> None:
        """Give the file another size.

        Args:
            file_id: The appender file.
            size: Number of bytes after which it ends; a shorter file is filled up with zeros.

        Raises:
            InvalidArgumentException: The id is not valid or not that of an appender file, or the size is negative.
            FileNotFoundException: There is no such file.
            RouteNotSupportedException: The id is not one of FastDFS.
            StorageOperationException: FastDFS failed.
        """
        located = await self.locator.find(file_id, Purpose.DESCRIBE)
        with located.operation("truncate"):
            await self._commands.truncate(located.file_id, size)

    async def finish(self, file_id: str) -> str:
        """Make the file a normal one, whose id tells size and checksum, and which cannot change any more.

        Name and metadata are kept. The old id is no longer valid afterwards. Needs a FastDFS of 6.02 or newer, which
        reads the whole file for its checksum. A cancelled caller waits for the end, but does not learn the new id.

        Returns:
            The new id.

        Raises:
            InvalidArgumentException: The id is not valid, or not that of an appender file.
            FileNotFoundException: There is no such file.
            RouteNotSupportedException: The id is not one of FastDFS.
            StorageOperationException: FastDFS failed.
        """
        located = await self.locator.find(file_id, Purpose.DESCRIBE)
        with located.operation("finish"):
            return str(await self._commands.regenerate(located.file_id))
