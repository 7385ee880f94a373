"""How many connections to S3 a service needs for what it grants its clients."""

import math
from typing import Final

from s3py_helper.entrypoints.container.config import S3Config, S3PerfConfig
from s3py_helper.entrypoints.http.limits.limits import Limits

_FOR_AN_ARCHIVE: Final = 2
"""The file that is being sent and one ahead; more are opened ahead while there is room."""

_FOR_SHORT_READS: Final = 32

_MOST: Final = 1000


def with_connections_for(limits: Limits, config: S3Config) -> S3Config:
    """The configuration with a pool in which all transfers that are granted find a connection, and short reads too.

    A size that is set is left as it is.
    """
    perf = config.perf or S3PerfConfig()
    if "max_pool_connections" in perf.model_fields_set:
        return config
    reading = limits.concurrent_downloads + _FOR_AN_ARCHIVE * limits.concurrent_archives + _FOR_SHORT_READS
    writing = limits.concurrent_uploads * perf.parts_in_flight
    # An eighth of the pool is out of reach for reads.
    size = min(_MOST, math.ceil(reading * 8 / 7) + writing)
    return config.model_copy(update={"perf": perf.model_copy(update={"max_pool_connections": size})})
