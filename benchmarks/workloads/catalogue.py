"""Every workload, in the order in which they run and are shown."""

from typing import Final

from benchmarks.workloads.archives import ARCHIVE_WORKLOADS
from benchmarks.workloads.elsewhere import ELSEWHERE_WORKLOADS
from benchmarks.workloads.process import PROCESS_WORKLOADS
from benchmarks.workloads.s3 import S3_WORKLOADS
from benchmarks.workloads.workload import Workload

WORKLOADS: Final[tuple[Workload, ...]] = (*S3_WORKLOADS, *ARCHIVE_WORKLOADS, *ELSEWHERE_WORKLOADS, *PROCESS_WORKLOADS)


def chosen(names: list[str]) -> list[Workload]:
    """Those whose names begin with one of the given; without any, all but the extra ones, which only a full name gets.

    Raises:
        LookupError: A name fits nothing.
    """
    if not names:
        return [workload for workload in WORKLOADS if not workload.extra]
    for name in names:
        if not any(workload.name.startswith(name) for workload in WORKLOADS):
            raise LookupError(f"no workload begins with {name!r}; `python -m benchmarks list` names them")
    return [workload for workload in WORKLOADS if any(_means(name, workload) for name in names)]


def _means(name: str, workload: Workload) -> bool:
    return workload.name == name or (not workload.extra and workload.name.startswith(name))
