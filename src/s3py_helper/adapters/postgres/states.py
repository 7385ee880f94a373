"""The numbers by which tables keep states."""

from typing import Final

from s3py_helper.domain.migration import FileState

STATES: Final = (
    FileState.PLANNED,
    FileState.COPYING,
    FileState.COPIED,
    FileState.VERIFIED,
    FileState.DRAINED,
    FileState.GONE,
    FileState.MISSING_AT_SOURCE,
    FileState.DELETED,
    FileState.QUARANTINED,
)
"""A state is stored as its position here. New ones go to the end; indexes name some of the numbers."""

NUMBER_OF: Final = {state: number for number, state in enumerate(STATES)}
