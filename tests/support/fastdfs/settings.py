"""What distinguishes one FastDFS installation from another for its clients."""

from dataclasses import dataclass
from typing import Literal

from tests.support.fastdfs.protocol import SHORT_ADDRESS


@dataclass(frozen=True, slots=True)
class Settings:
    address_size: Literal[15, 45] = SHORT_ADDRESS
    """Bytes of an address in a tracker's reply: 15 up to 6.10, 45 from 6.11, configurable since 6.15."""
    version: tuple[int, int, int] = (6, 16, 1)

    uses_storage_ids: bool = False
    """Storages are known by numbers, and write these into the names of their files instead of their addresses."""

    @property
    def regenerates_appenders(self) -> bool:
        return self.version >= (6, 2, 0)

    @property
    def refuses_empty_ranges(self) -> bool:
        """Older servers answer a download from the very end with no bytes, but refuse one that reaches past it."""
        return self.version >= (6, 15, 4)

    @property
    def repeats_port_in_fetch_all(self) -> bool:
        return self.version >= (6, 16, 0)
