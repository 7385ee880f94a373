"""`python -m benchmarks`: measures s3py-helper beside its peers; method in docs/benchmarks/method.md."""

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.harness.environments import RESULTS, SCRATCH
from benchmarks.harness.runner import run
from benchmarks.harness.servers import Servers
from benchmarks.results.headline import headline
from benchmarks.results.plot import GROWN, plot
from benchmarks.results.report import keep, load
from benchmarks.results.tables import markdown, page
from benchmarks.workloads.catalogue import WORKLOADS, chosen

_NAMES = """\
list: name every workload; tables: write docs/benchmarks/tables.md anew and print the table of the README; others: names
of workloads, or how several begin (`s3`, `zip`); none: all workloads but the extra ones
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measures s3py-helper beside its peers.")
    parser.add_argument("names", nargs="*", metavar="name", help=_NAMES)
    parser.add_argument("--try", action="store_true", dest="once", help="once, to see it work; results go to .bench")
    arguments = parser.parse_args()
    match arguments.names:
        case ["list"]:
            for workload in WORKLOADS:
                print(f"{workload.name:<20} {workload.title}{' (extra)' if workload.extra else ''}")
        case ["tables"]:
            _write_page(RESULTS)
            print(headline(load(RESULTS)))
        case names:
            _measure(names, *((SCRATCH, 1) if arguments.once else (RESULTS, 5)))


def _measure(names: list[str], folder: Path, repetitions: int) -> None:
    workloads = chosen(names)
    memory = Path("/dev/shm")
    with ExitStack() as stack:
        scratch = tempfile.TemporaryDirectory(prefix="s3py-bench-", dir=memory if memory.is_dir() else None)
        servers = Servers(Path(stack.enter_context(scratch)), stack)
        for workload in workloads:
            report = run(workload, servers, repetitions)
            keep(report, folder)
            _write_page(folder)
            print(markdown(report))


def _write_page(folder: Path) -> None:
    reports = load(folder)
    (folder / "tables.md").write_text(page(reports))
    if (grown := reports.get(GROWN)) is not None:
        (folder / f"{GROWN}.svg").write_text(plot(grown))


if __name__ == "__main__":
    main()
