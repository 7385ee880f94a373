"""How to reach an S3 service."""

from pydantic import BaseModel, ConfigDict, Field

_MIB = 1024 * 1024


class S3PerfConfig(BaseModel):
    """Performance settings; the defaults suit most deployments.

    Attributes:
        multipart_threshold: Files of at least so many bytes, or of unknown size beyond it, go up in parts.
        multipart_part_size: Size of a part in bytes (5 MiB to 5 GiB); grows by itself where 10 000 parts would not do.
        parts_in_flight: Parts of one upload on their way at once; an upload holds about so many parts in memory.
        download_chunk_size: Largest chunk in bytes that a download yields at a time.
        max_pool_connections: Connections to the service at once.
        read_timeout: Seconds without a byte after which a request counts as failed.
        connect_timeout: Seconds to establish a connection.
        max_retries: Further attempts after a failure that another attempt may mend.
    """

    model_config = ConfigDict(extra="ignore")

    multipart_threshold: int = Field(default=8 * _MIB, ge=1 * _MIB, le=5 * 1024 * _MIB)
    multipart_part_size: int = Field(default=8 * _MIB, ge=5 * _MIB, le=5 * 1024 * _MIB)
    parts_in_flight: int = Field(default=4, ge=1, le=64)
    download_chunk_size: int = Field(default=1 * _MIB, ge=4 * 1024, le=16 * _MIB)
    max_pool_connections: int = Field(default=64, ge=1, le=1000)
    read_timeout: float = Field(default=60.0, gt=0, le=600.0)
    connect_timeout: float = Field(default=10.0, gt=0, le=120.0)
    max_retries: int = Field(default=2, ge=0, le=10)


class S3Config(BaseModel):
    """Connection to an S3 service.

    Attributes:
        endpoint: Address with scheme, e.g. `http://192.168.30.36:9001`.
        access_key_id: Access key; without one the SDK's default credential chain is asked.
        secret_access_key: Secret key.
        default_bucket: Where files go that name no bucket.
        region: Region name that signatures carry.
        perf: Performance settings.
    """

    endpoint: str
    access_key_id: str | None = None
    secret_access_key: str | None = Field(default=None, repr=False)
    default_bucket: str = "demo"
    region: str = "us-east-1"
    perf: S3PerfConfig | None = None
