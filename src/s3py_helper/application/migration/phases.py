"""How far a migration has come, phase by phase."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from s3py_helper.application.migration.migration import MigrationStatus
from s3py_helper.domain.migration import FileState, Route

TO_COPY: Final = frozenset({FileState.PLANNED, FileState.COPYING})
COPIED: Final = frozenset({FileState.COPIED, FileState.VERIFIED, FileState.DRAINED, FileState.MISSING_AT_SOURCE})
"""States of files that have a copy."""
VERIFIED: Final = frozenset({FileState.VERIFIED, FileState.DRAINED})
DRAINED: Final = frozenset({FileState.DRAINED})


class Phase(StrEnum):
    """The way, in its order."""

    PLAN = "plan"
    COPY = "copy"
    VERIFY = "verify"
    S3_FIRST = "s3-first"
    S3_ONLY = "s3-only"
    DRAIN = "drain"


type PhaseState = Literal["ahead", "under-way", "done"]


@dataclass(frozen=True, slots=True)
class PhaseProgress:
    """How far one phase has come.

    Attributes:
        phase: Which one.
        state: Whether it is still ahead, under way, or done.
        done: Files, or groups, that are through.
        of: Files, or groups, in all.
        unit: What is counted.
    """

    phase: Phase
    state: PhaseState
    done: int
    of: int
    unit: Literal["files", "groups"] = "files"


def phases_of(status: MigrationStatus) -> Sequence[PhaseProgress]:
    """All phases, in their order. A phase may be done, and under way again after another plan."""
    planned = status.files_in(*TO_COPY)
    copied, verified, drained = (status.files_in(*states) for states in (COPIED, VERIFIED, DRAINED))
    known = planned + copied + status.files_in(FileState.QUARANTINED)
    groups = {tally.group for tally in status.tallies}
    routes = [status.routes.get(group, Route.FASTDFS) for group in groups]
    on_s3_only = routes.count(Route.S3_ONLY)
    on_s3 = on_s3_only + routes.count(Route.S3_FIRST)
    return (
        PhaseProgress(Phase.PLAN, _planned(known, whole=status.listing_complete), known, known),
        _progress(Phase.COPY, copied, planned + copied),
        _progress(Phase.VERIFY, verified, planned + copied),
        PhaseProgress(Phase.S3_FIRST, _state(on_s3, len(groups)), on_s3, len(groups), "groups"),
        PhaseProgress(Phase.S3_ONLY, _state(on_s3_only, len(groups)), on_s3_only, len(groups), "groups"),
        _progress(Phase.DRAIN, drained, planned + copied),
    )


def _planned(known: int, *, whole: bool) -> PhaseState:
    if not known:
        return "ahead"
    return "done" if whole else "under-way"


def _progress(phase: Phase, done: int, of: int) -> PhaseProgress:
    return PhaseProgress(phase, _state(done, of), done, of)


def _state(done: int, of: int) -> PhaseState:
    if not done:
        return "ahead"
    return "done" if done == of else "under-way"
