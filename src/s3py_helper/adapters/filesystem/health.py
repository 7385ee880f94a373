"""Whether the disk takes files. Blocks: it is called in threads."""

import os

from s3py_helper.adapters.filesystem.disk import Disk
from s3py_helper.adapters.filesystem.incoming import new_incoming


def probe(disk: Disk) -> None:
    """Write a little to a file of its own, as an upload does; raises what the disk says to that."""
    file, name = new_incoming(disk)
    try:
        os.write(file, b"ok")
    finally:
        os.unlink(name, dir_fd=disk.incoming)
        os.close(file)
