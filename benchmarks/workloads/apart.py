"""A workload whose S3 server has a processor of its own, as it has where it is another machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import override

from benchmarks.harness.servers import Servers
from benchmarks.workloads.workload import Measure, Workload


class Apart(Workload):
    """What its client spends then slows nobody but itself."""

    @override
    @contextmanager
    def ready(self, servers: Servers) -> Iterator[Measure]:
        with servers.with_s3_apart() as own, super().ready(own) as measure:
            yield measure
