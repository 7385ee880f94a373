"""What the endpoints of a migration say."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Literal, Self

from pydantic import BaseModel

from s3py_helper.application.migration.migration import MigrationStatus
from s3py_helper.application.migration.phases import Phase, PhaseState, phases_of
from s3py_helper.application.migration.speedometer import Speed, Speeds
from s3py_helper.application.migration.status_feed import Reading
from s3py_helper.application.ports.ledger import Limits, Tally
from s3py_helper.domain.migration import FileState, Route


class Count(BaseModel, use_attribute_docstrings=True):
    """Number of files."""

    files: int
    bytes: int
    """As far as known."""


class PhaseOf(BaseModel, use_attribute_docstrings=True):
    """How far a phase has come."""

    phase: Phase
    state: PhaseState
    done: int
    """Files or groups that are through."""
    of: int
    """Files or groups in all."""
    unit: Literal["files", "groups"]


class GroupOf(BaseModel, use_attribute_docstrings=True):
    """A group of FastDFS."""

    group: str
    route: Route
    """Where its old ids are read."""
    states: dict[FileState, Count]
    """Its files by state; states without a file are left out."""


class SpeedOf(BaseModel, use_attribute_docstrings=True):
    """What all workers together get through in a second, on average over the last half minute."""

    files: float
    bytes: float

    @classmethod
    def of(cls, speed: Speed) -> Self:
        """The same for clients."""
        return cls(files=round(speed.files, 2), bytes=round(speed.bytes, 1))


class SpeedsOf(BaseModel, use_attribute_docstrings=True):
    """How fast files are copied, verified, and deleted at their source."""

    copied: SpeedOf
    verified: SpeedOf
    drained: SpeedOf

    @classmethod
    def of(cls, speeds: Speeds) -> Self:
        """The same for clients."""
        return cls(
            copied=SpeedOf.of(speeds.copied),
            verified=SpeedOf.of(speeds.verified),
            drained=SpeedOf.of(speeds.drained),
        )


class LimitsOf(BaseModel, use_attribute_docstrings=True):
    """What workers keep to; `null` is no limit."""

    bytes_per_second: int | None
    """Of all workers together."""
    files_per_second: int | None
    """Of all workers together."""
    concurrency: int | None
    """Small files that each worker copies at once; `null` is its own default."""
    paused: bool
    """Whether workers are to wait."""

    @classmethod
    def of(cls, limits: Limits) -> Self:
        """The same for clients."""
        return cls(
            bytes_per_second=limits.bytes_per_second,
            files_per_second=limits.files_per_second,
            concurrency=limits.concurrency,
            paused=limits.paused,
        )


class ErrorOf(BaseModel, use_attribute_docstrings=True):
    """A reason for which files were put aside."""

    code: str
    count: int
    samples: list[str]
    """Ids of up to three of them."""


class Status(BaseModel, use_attribute_docstrings=True):
    """Where a migration is."""

    at: datetime
    phases: list[PhaseOf]
    """In their order."""
    groups: list[GroupOf]
    """In the order of their names."""
    states: dict[FileState, Count]
    """All files by state; states without a file are left out."""
    speeds: SpeedsOf | None
    """`null` while there is nothing to compare with yet."""
    seconds_left: float | None
    """How long copying may still take; `null` where nothing moves."""
    workers: int
    """How many workers hold files."""
    limits: LimitsOf
    errors: list[ErrorOf]
    """Why files are quarantined or missing at their source, the most frequent reason first."""
    listing_complete: bool
    """The last listing of every group came whole."""
    unplannable: int
    """Lines of lists that the last plan could not read."""

    @classmethod
    def of(cls, reading: Reading) -> Self:
        """The same for clients."""
        status, left = reading.status, reading.seconds_left
        return cls(
            at=datetime.fromtimestamp(round(reading.at, 3), UTC),
            phases=[
                PhaseOf(phase=phase.phase, state=phase.state, done=phase.done, of=phase.of, unit=phase.unit)
                for phase in phases_of(status)
            ],
            groups=_groups(status),
            states=_counts(status.tallies),
            speeds=None if reading.speeds is None else SpeedsOf.of(reading.speeds),
            seconds_left=None if left is None else round(left, 1),
            workers=reading.workers,
            limits=LimitsOf.of(status.limits),
            errors=errors_of(status),
            listing_complete=status.listing_complete,
            unplannable=status.unplannable,
        )


class PlannedAgain(BaseModel, use_attribute_docstrings=True):
    """What became of a request to try again."""

    planned_again: int
    """Files that are planned again."""


class RouteOf(BaseModel, use_attribute_docstrings=True):
    """Where the old ids of a group are read."""

    group: str
    route: Route


def errors_of(status: MigrationStatus) -> list[ErrorOf]:
    """Why files were put aside."""
    return [
        ErrorOf(code=code, count=count, samples=[str(sample) for sample in samples])
        for code, count, samples in status.reasons
    ]


def routes_of(status: MigrationStatus) -> list[RouteOf]:
    """Where each group is read."""
    return [RouteOf(group=group.group, route=group.route) for group in _groups(status)]


def _groups(status: MigrationStatus) -> list[GroupOf]:
    names = sorted({tally.group for tally in status.tallies} | status.routes.keys())
    return [
        GroupOf(
            group=name,
            route=status.routes.get(name, Route.FASTDFS),
            states=_counts([tally for tally in status.tallies if tally.group == name]),
        )
        for name in names
    ]


def _counts(tallies: Collection[Tally]) -> dict[FileState, Count]:
    counts: dict[FileState, Count] = {}
    for state in FileState:
        of_state = [tally for tally in tallies if tally.state is state]
        if files := sum(tally.files for tally in of_state):
            counts[state] = Count(files=files, bytes=sum(tally.bytes for tally in of_state))
    return counts
