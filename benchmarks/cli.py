"""The command line."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from benchmarks.harness.bench import Options, opened
from benchmarks.harness.paths import RESULTS, SCRATCH
from benchmarks.harness.runner import run
from benchmarks.report.goals import goals
from benchmarks.report.headline import headline
from benchmarks.report.pages import load_all, write_pages
from benchmarks.report.tables import markdown
from benchmarks.workloads.catalogue import WORKLOADS, chosen
from benchmarks.workloads.workload import Workload

_COMMANDS = """\
commands:
  list     name every workload
  table    print the table of the README from the last results
  goals    print which goals the last results reach
  pages    write tables and plots anew from the last results
anything else is the name of a workload, or how several names begin (`s3`, `zip`)
"""


def main() -> None:
    arguments = _parser().parse_args()
    match arguments.names:
        case ["list"]:
            for workload in WORKLOADS:
                print(f"{workload.name:<20} {workload.title}{' (only when asked for)' if workload.extra else ''}")
        case ["table"]:
            print(headline(load_all(arguments.output)))
        case ["goals"]:
            print(goals(load_all(arguments.output)))
        case ["pages"]:
            write_pages(arguments.output)
        case names:
            _measure(names, arguments)


def _measure(names: list[str], arguments: argparse.Namespace) -> None:
    try:
        workloads = [_only(workload, arguments.subjects) for workload in chosen(names)]
    except LookupError as error:
        sys.exit(str(error))
    options = Options(repetitions=arguments.repeat or (1 if arguments.quick else 5), quick=arguments.quick)
    folder = SCRATCH / "quick" if arguments.quick else arguments.output
    with opened(options) as bench:
        for workload in workloads:
            report = run(workload, bench)
            report.save(folder)
            write_pages(folder)
            print(markdown(report))


def _only(workload: Workload, subjects: list[str]) -> Workload:
    """Without those whose names hold none of the given words; s3py-helper itself stays."""
    if not subjects:
        return workload
    kept = tuple(
        subject
        for subject in workload.subjects
        if subject is workload.subjects[0] or any(word in subject.name for word in subjects)
    )
    return replace(workload, subjects=kept)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measures s3py-helper beside its peers; all but the extra workloads without a name.",
        epilog=_COMMANDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="name", help="a command or workloads")
    parser.add_argument("--quick", action="store_true", help="see whether it works; results go to .bench/quick")
    parser.add_argument("--repeat", type=int, help="repetitions for each subject (5)")
    parser.add_argument("--subjects", nargs="+", default=[], help="only these beside s3py-helper, by parts of names")
    parser.add_argument("--output", type=Path, default=RESULTS, help="folder of the results (docs/benchmarks)")
    return parser
