"""How to reach a FastDFS cluster."""

from pydantic import BaseModel, Field


class FastdfsConfig(BaseModel):
    """Connection to a FastDFS cluster.

    Attributes:
        tracker_servers: Trackers as `host:port`; any of them that answers is used.
        connect_timeout: Seconds to establish a connection.
        network_timeout: Seconds without a byte after which an operation counts as failed.
        store_path_index: Store path for new files; -1 leaves the choice to the server.
        connection_pool_size: Connections to each server at once; 0 stands for the default.
    """

    tracker_servers: list[str] = Field(min_length=1)
    connect_timeout: float = Field(default=3, gt=0)
    network_timeout: float = Field(default=3, gt=0)
    store_path_index: int = Field(default=-1, ge=-1, le=255)
    connection_pool_size: int = Field(default=0, ge=0)
