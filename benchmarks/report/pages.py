"""Everything that is written into the folder of results."""

from pathlib import Path

from benchmarks.harness.results import Report
from benchmarks.report.goals import goals
from benchmarks.report.svg import svg
from benchmarks.report.tables import markdown
from benchmarks.workloads.catalogue import WORKLOADS

_PAGE = "tables.md"


def load_all(folder: Path) -> dict[str, Report]:
    """Results by workload, in the order of the catalogue."""
    paths = {workload.name: folder / f"{workload.name}.json" for workload in WORKLOADS}
    return {name: Report.load(path) for name, path in paths.items() if path.is_file()}


def write_pages(folder: Path) -> list[Path]:
    """Plots and tables of every result that the folder holds."""
    reports = load_all(folder)
    written: list[Path] = []
    for report in reports.values():
        path = folder / f"{report.workload}.svg"
        path.write_text(svg(report))
        written.append(path)
    page = folder / _PAGE
    parts = [_HEAD, f"## Goals\n\n{goals(reports)}\n", *(markdown(report) for report in reports.values())]
    page.write_text("\n".join(parts))
    return [*written, page]


_HEAD = """\
# Results

Made by `make bench`; [how it is measured](method.md). Ratios come first: above 1, s3py-helper is faster than the
subject of that column. Differences of less than 15 to 20 % are noise on most machines.
"""
