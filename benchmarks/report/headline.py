"""The few figures that the README shows."""

from collections.abc import Mapping
from typing import Final

from benchmarks.harness.results import Outcome, Report
from benchmarks.report.numbers import MISSING, advantage, ours_in, three_digits, times, why_no_figure
from benchmarks.report.tables import table

_ROWS: Final = (
    ("4 KiB files on S3, 16 at once: put", "s3-4k", "put c=16"),
    ("… get", "s3-4k", "get c=16"),
    ("… info", "s3-4k", "info c=16"),
    ("… delete", "s3-4k", "delete c=16"),
    ("1 000 files of 64 KiB to S3 by `upload_files`", "s3-many", "up"),
    ("512 MiB up to S3", "s3-large-up", "up"),
    ("512 MiB down from S3", "s3-large-down", "down"),
    ("Zip of 200 texts of 1 MiB from S3", "zip-text", "zip"),
    ("Zip of 200 incompressible files of 1 MiB from S3", "zip-random", "zip"),
    ("Zip of 2 000 files of 4 KiB from S3", "zip-many", "zip"),
    ("4 KiB files on FastDFS, 16 at once: get", "fastdfs-4k", "get c=16"),
    ("Start to first file stored", "startup", "first put"),
)

_PEERS: Final = ("s3py-helper 0.0.17", "aioboto3", "boto3, s3transfer", "obstore", "zipstream-ng", "curl")


def headline(reports: Mapping[str, Report]) -> str:
    """A Markdown table: our figure, then how many times as fast as each of the others that is."""
    rows = [
        [label, *_cells(reports[workload], operation)]
        for label, workload, operation in _ROWS
        if workload in reports and operation in reports[workload].operations
    ]
    return table(["", "s3py-helper", *(f"vs {name}" for name in _PEERS)], rows)


def _cells(report: Report, operation: str) -> list[str]:
    ours = ours_in(report).operations.get(operation, Outcome())
    figure = why_no_figure(ours) if ours.figure is None else f"{three_digits(ours.figure.median)} {report.unit}"
    subjects = {subject.name: subject for subject in report.subjects}
    cells = [figure]
    for name in _PEERS:
        subject = subjects.get(name)
        if subject is None:
            cells.append(MISSING)
            continue
        ratio = advantage(report, operation, subject)
        outcome = subject.operations.get(operation, Outcome(offered=False))
        cells.append(why_no_figure(outcome) if ratio is None else times(ratio))
    return cells
