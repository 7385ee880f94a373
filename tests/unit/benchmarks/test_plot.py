"""The picture of the ledger on PostgreSQL."""

import xml.etree.ElementTree as ET

from benchmarks.harness.environments import RESULTS
from benchmarks.results.plot import GROWN, plot
from benchmarks.results.report import Outcome, Report, SubjectOutcome, load


def test_each_size_has_a_point_on_each_line() -> None:
    operations = {
        f"{name}, {size} files": Outcome(values=[100.0], p99_ms=20.0)
        for name in ("claim of 200", "status", "claim and complete, 4 processes")
        for size in ("100 000", "10 000 000")
    }
    subject = SubjectOutcome(name="s3py migrate", version="1", operations=operations)
    picture = ET.fromstring(plot(Report(workload=GROWN, title="A < B", unit="ops/s", facts={}, subjects=[subject])))
    names = [element.tag.rpartition("}")[2] for element in picture]
    assert (names.count("polyline"), names.count("circle")) == (3, 6)
    assert "A < B" in "".join(picture.itertext())


def test_the_picture_is_what_the_results_say() -> None:
    report = load(RESULTS).get(GROWN)
    if report is not None:
        assert (RESULTS / f"{GROWN}.svg").read_text() == plot(report), "write it by `python -m benchmarks tables`"
