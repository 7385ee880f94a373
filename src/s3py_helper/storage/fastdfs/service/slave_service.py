"""Files that belong to another file."""

from collections.abc import Mapping

from s3py_helper.application.locator import Purpose
from s3py_helper.domain.arguments import require_instance
from s3py_helper.domain.files import FileAttach
from s3py_helper.storage.fastdfs.client.fastdfs_client import FastdfsClient
from s3py_helper.storage.fastdfs.new_file import attach_of, new_blob, whole


class FastdfsSlaveServiceImpl:
    """Stores slave files: smaller forms of a picture, say, whose ids follow from the id of the picture.

    FastDFS puts the prefix between the master's name and the extension: `..._big.jpg` for `....jpg`. A slave is a file
    of its own in all else: it is read, described and deleted by its id, and stays when its master is deleted.

    Args:
        fdfs_client: The client, open while the service is used.

    Attributes:
        locator: Where it looks for files.
    """

    def __init__(self, fdfs_client: FastdfsClient) -> None:
        self.locator = require_instance(fdfs_client, FastdfsClient, "fdfs_client").locator()
        self._commands = fdfs_client.commands

    async def upload_slave(
        self, master_id: str, prefix: str, file_name: str, content: bytes, metadata: Mapping[str, str] | None = None
    ) -> FileAttach:
        """Store a slave file.

        Args:
            master_id: The id of the file that it belongs to.
            prefix: What tells it from the master and other slaves: 1 to 16 of A-Z a-z 0-9 . _ -, as in `_big`.
            file_name: The slave's own name. Its extension becomes part of the id where FastDFS takes it (6 characters).
            content: The bytes.
            metadata: Pairs of your own.

        Returns:
            The id, and what is known of the file.

        Raises:
            InvalidArgumentException: Id, prefix, name or metadata are not valid, or there is such a slave already.
            FileNotFoundException: There is no such master.
            RouteNotSupportedException: The id is not one of FastDFS.
            StorageOperationException: FastDFS failed; nothing was stored.
        """
        content = whole(content)
        blob = new_blob(file_name, content, metadata)
        master = await self.locator.find(master_id, Purpose.DESCRIBE)
        with master.operation("upload") as operation:
            file_id = await self._commands.create_slave(master.file_id, prefix, blob, content)
            operation.size = len(content)
        return attach_of(blob, file_id, content)
