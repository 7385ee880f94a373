"""A migration as metrics for Prometheus, read from its ledger now and then, however often they are asked for."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from s3py_helper.application.migration.speedometer import Speed
from s3py_helper.application.migration.status_feed import Reading, StatusFeed
from s3py_helper.domain.migration import Route

_MAX_AGE: Final = 10.0
_PATIENCE: Final = 2.0
"""Seconds for which a scrape waits where there is nothing yet, or only what is older."""

_MOST_GROUPS: Final = 100
_MOST_CODES: Final = 30
_OTHER: Final = "other"


async def exposed(feed: StatusFeed) -> bytes:
    """The metrics as text. Where the ledger cannot be read they say just that, and no old figures."""
    reading = await feed.within(_PATIENCE, _MAX_AGE)
    is_up = isinstance(reading, Reading)
    families = [_gauge("s3py_migration_ledger_up", "Whether the ledger could be read.", int(is_up))]
    if isinstance(reading, Reading):
        families += [*_counts(reading), *_speeds(reading), *_operation(reading)]
    collectors = CollectorRegistry()
    collectors.register(_Families(families))
    return generate_latest(collectors)


class _Families(Collector):
    def __init__(self, families: Sequence[GaugeMetricFamily]) -> None:
        self._families = families

    def collect(self) -> Iterable[GaugeMetricFamily]:
        return self._families


def _counts(reading: Reading) -> Iterable[GaugeMetricFamily]:
    status = reading.status
    files, sizes = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    groups = _most(_files_of_groups(reading), _MOST_GROUPS)
    for tally in status.tallies:
        labels = tally.group if tally.group in groups else _OTHER, str(tally.state)
        files[labels] += tally.files
        sizes[labels] += tally.bytes
    for name, text, counted in (
        ("s3py_migration_files", "Files by group and state.", files),
        ("s3py_migration_bytes", "Their bytes, as far as known.", sizes),
    ):
        family = GaugeMetricFamily(name, text, labels=["group", "state"])
        for labels, value in counted.items():
            family.add_metric(labels, value)
        yield family
    codes = Counter[str]()
    named = _most({code: count for code, count, _ in status.reasons}, _MOST_CODES)
    for code, count, _ in status.reasons:
        codes[code if code in named else _OTHER] += count
    family = GaugeMetricFamily("s3py_migration_errors", "Files put aside, by reason.", labels=["code"])
    for code, count in codes.items():
        family.add_metric([code], count)
    yield family
    family = GaugeMetricFamily(
        "s3py_migration_route", "Where a group is read: 1 for its route, 0 for the others.", labels=["group", "route"]
    )
    for group in sorted(groups):
        for route in Route:
            family.add_metric([group, route], status.routes.get(group, Route.FASTDFS) is route)
    yield family


def _speeds(reading: Reading) -> Iterable[GaugeMetricFamily]:
    speeds = reading.speeds
    if speeds is None:
        return
    steps: dict[str, Speed] = {"copied": speeds.copied, "verified": speeds.verified, "drained": speeds.drained}
    files = GaugeMetricFamily("s3py_migration_files_per_second", "Of all workers together.", labels=["step"])
    sizes = GaugeMetricFamily("s3py_migration_bytes_per_second", "Of all workers together.", labels=["step"])
    for step, speed in steps.items():
        files.add_metric([step], speed.files)
        sizes.add_metric([step], speed.bytes)
    yield files
    yield sizes
    if (left := reading.seconds_left) is not None:
        yield _gauge("s3py_migration_seconds_left", "How long copying may still take.", left)


def _operation(reading: Reading) -> Iterable[GaugeMetricFamily]:
    limits = reading.status.limits
    yield _gauge("s3py_migration_workers", "Workers that hold files.", reading.workers)
    yield _gauge("s3py_migration_paused", "Whether workers have been told to wait.", int(limits.paused))
    yield _gauge("s3py_migration_read_timestamp_seconds", "When the ledger was read.", reading.at)
    family = GaugeMetricFamily("s3py_migration_limit", "What workers keep to; absent is no limit.", labels=["limit"])
    for name in ("bytes_per_second", "files_per_second", "concurrency"):
        if (value := getattr(limits, name)) is not None:
            family.add_metric([name], value)
    yield family


def _files_of_groups(reading: Reading) -> dict[str, int]:
    counts = dict.fromkeys(reading.status.routes, 0)
    for tally in reading.status.tallies:
        counts[tally.group] = counts.get(tally.group, 0) + tally.files
    return counts


def _most(counts: Mapping[str, int], most: int) -> AbstractSet[str]:
    """The names with the highest counts have labels of their own: anybody may write an id of a group that never was."""
    return frozenset(sorted(counts, key=lambda name: -counts[name])[:most])


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)
