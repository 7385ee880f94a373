"""How to reach a FastDFS cluster."""

from typing import Final, Literal

from pydantic import Field, field_validator

from s3py_helper.adapters.fastdfs.protocol.address import Address, AddressMap
from s3py_helper.domain.settings_model import PathSetting, SettingsModel

DEFAULT_POOL_SIZE: Final = 64
"""A storage server accepts 256 connections unless configured otherwise, from all clients together."""


class FastdfsConfig(SettingsModel):
    """Connection to a FastDFS cluster."""

    tracker_servers: list[str] = Field(min_length=1)
    """Trackers as `host:port` (`[address]:port` for IPv6); any that responds is used."""
    connect_timeout: float = Field(default=3, gt=0)
    """Seconds to establish a connection."""
    network_timeout: float = Field(default=3, gt=0)
    """Seconds without a byte after which a server counts as gone."""
    operation_timeout: float = Field(default=15, gt=0)
    """Seconds for the whole of a short operation: describing, deleting, or opening a file, finding a server for a new
    one. However many servers are asked in turn, no caller waits longer.
    """
    store_path_index: int = Field(default=-1, ge=-1, le=255)
    """Store path for new files; -1 leaves the choice to the server."""
    connection_pool_size: int = Field(default=0, ge=0)
    """Connections to each server at once; 0 stands for the default of 64."""
    pool_timeout: float = Field(default=30, gt=0)
    """Seconds to wait for a connection when all of a server's are in use. An eighth of them is kept for short
    operations, so that transfers cannot use them up.
    """
    group_name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]{1,16}$")
    """Group for new files; `None` leaves the choice to the tracker."""
    address_map: dict[str, str] = Field(default_factory=dict)
    """Where to reach servers whose own addresses lead nowhere from here (NAT, containers): `{"10.0.0.5:23000":
    "files.example.com:32300"}`, or `{"10.0.0.5": "files.example.com"}` for all its ports.
    """
    verify_checksum: bool = True
    """Whether whole downloads are compared with the CRC-32 in the file's id."""
    read_from: Literal["source", "replicas"] = "source"
    """`source` reads each file from the server that took its upload, the first to know of changes; uploads are spread
    over the servers of a group, and with them reads. `replicas` spreads the reads of each single file; for a moment
    after a deletion another process may then still get the file.
    """
    spool_memory: int = Field(default=1024 * 1024, ge=0)
    """An upload of unknown size waits until its size is known: in memory up to this many bytes, a larger one in a
    temporary file.
    """
    spool_directory: PathSetting | None = None
    """Folder for these temporary files, which have no name in it; `None` is the system's. Where that has none that can
    be written to, such uploads become appender files, whose ids tell neither size nor checksum.
    """

    @field_validator("tracker_servers")
    @classmethod
    def _check_trackers(cls, servers: list[str]) -> list[str]:
        for server in servers:
            Address.parse(server)
        return servers

    @field_validator("address_map")
    @classmethod
    def _check_address_map(cls, entries: dict[str, str]) -> dict[str, str]:
        AddressMap(entries)
        return entries

    @property
    def pool_size(self) -> int:
        """`connection_pool_size` with the default in place."""
        return self.connection_pool_size or DEFAULT_POOL_SIZE
