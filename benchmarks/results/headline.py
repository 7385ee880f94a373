"""The few figures that the README shows."""

from typing import Final

from benchmarks.results.numbers import DASH, table, three_digits, times
from benchmarks.results.report import Report, Reports

ROWS: Final = (
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


def headline(reports: Reports) -> str:
    """A Markdown table: our figure, then how many times as fast as each of the others that is."""
    rows = [[label, *_cells(reports[name], operation)] for label, name, operation in ROWS if name in reports]
    return table(["", "s3py-helper", *(f"vs {name}" for name in _PEERS)], rows)


def _cells(report: Report, operation: str) -> list[str]:
    ours, peers = report.ours[operation].figure, [report.subject(name) for name in _PEERS]
    figure = "fails" if ours is None else f"{three_digits(ours)} {report.unit}"
    return [figure, *(DASH if peer is None else times(report.advantage(operation, peer)) for peer in peers)]
