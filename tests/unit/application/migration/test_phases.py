"""How far a migration has come."""

import pytest

from s3py_helper.application.migration.migration import MigrationStatus
from s3py_helper.application.migration.phases import Phase, phases_of
from s3py_helper.application.ports.ledger import Limits, Tally
from s3py_helper.domain.migration import FileState, Route

P, C, V, D, Q = (
    FileState.PLANNED,
    FileState.COPIED,
    FileState.VERIFIED,
    FileState.DRAINED,
    FileState.QUARANTINED,
)


def _status(
    counts: dict[tuple[str, FileState], int], routes: dict[str, Route] | None = None, *, complete: bool = True
) -> MigrationStatus:
    tallies = [Tally(group, state, files, files) for (group, state), files in counts.items()]
    return MigrationStatus(tallies, routes or {}, Limits(), [], [], listing_complete=complete)


@pytest.mark.parametrize(
    ("counts", "routes", "states"),
    [
        ({}, {}, "ahead ahead ahead ahead ahead ahead"),
        ({("a", P): 3}, {}, "done ahead ahead ahead ahead ahead"),
        ({("a", P): 3, ("a", C): 1}, {}, "done under-way ahead ahead ahead ahead"),
        ({("a", FileState.COPYING): 1, ("a", V): 1}, {}, "done under-way under-way ahead ahead ahead"),
        ({("a", C): 1, ("a", Q): 1}, {}, "done done ahead ahead ahead ahead"),
        ({("a", FileState.MISSING_AT_SOURCE): 1}, {}, "done done ahead ahead ahead ahead"),
        ({("a", V): 1, ("b", V): 1}, {"a": Route.S3_FIRST}, "done done done under-way ahead ahead"),
        ({("a", V): 1}, {"a": Route.S3_ONLY}, "done done done done done ahead"),
        ({("a", V): 1, ("a", D): 1}, {"a": Route.S3_ONLY}, "done done done done done under-way"),
        ({("a", D): 1, ("a", FileState.DELETED): 9}, {"a": Route.S3_ONLY}, "done done done done done done"),
    ],
)
def test_each_phase_is_ahead_under_way_or_done(
    counts: dict[tuple[str, FileState], int], routes: dict[str, Route], states: str
) -> None:
    phases = phases_of(_status(counts, routes))
    assert [phase.phase for phase in phases] == list(Phase)
    assert [phase.state for phase in phases] == states.split()


def test_a_plan_without_a_whole_listing_is_not_done() -> None:
    plan, *_ = phases_of(_status({("a", P): 3, ("a", Q): 1}, complete=False))
    assert (plan.state, plan.done, plan.of) == ("under-way", 4, 4)


def test_routes_are_counted_by_group() -> None:
    counts = {("a", V): 5, ("b", V): 1, ("c", V): 1}
    phases = {phase.phase: phase for phase in phases_of(_status(counts, {"a": Route.S3_ONLY, "b": Route.S3_FIRST}))}
    assert (phases[Phase.S3_FIRST].done, phases[Phase.S3_FIRST].of, phases[Phase.S3_FIRST].unit) == (2, 3, "groups")
    assert (phases[Phase.S3_ONLY].done, phases[Phase.S3_ONLY].of) == (1, 3)
