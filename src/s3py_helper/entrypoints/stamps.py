"""The form of the response by which `s3py doctor --url` sees what stands before the service."""

from typing import Final

STAMPED_PATH: Final = "/livez/stream"
BLOCK: Final = 64 * 1024
"""Bytes of a block, the time in front of it included."""
BLOCKS: Final = 256
"""16 MiB: more than the buffers of sockets hold on the way through a proxy."""
STAMP: Final = 16
"""Bytes in which the time stands."""
