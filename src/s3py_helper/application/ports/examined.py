"""One thing that was tried."""

from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType
from typing import Self

from s3py_helper.domain.errors import StorageException


class Verdict(StrEnum):
    """What was found."""

    WORKS = "works"
    LACKS = "lacks"
    """The ability is not there, or another way is taken: nothing is broken."""
    WARNING = "warning"
    FAILS = "fails"


@dataclass(frozen=True, slots=True)
class Examined:
    """One thing that was tried.

    Attributes:
        backend: The backend.
        ability: What was tried.
        verdict: What it means.
        says: What was seen.
        mend: What to do about it; empty where nothing needs doing, or nothing is known.
        error: The exception, where there was one.
    """

    backend: str
    ability: str
    verdict: Verdict
    says: str = ""
    mend: str = ""
    error: StorageException | None = None


@dataclass(slots=True)
class Examination:
    """All that was tried on one backend.

    Attributes:
        backend: The backend.
        found: The findings, in order.
    """

    backend: str
    found: list[Examined] = field(default_factory=list[Examined])

    def add(self, ability: str, verdict: Verdict, says: str = "", mend: str = "") -> None:
        """Note what was found."""
        self.found.append(Examined(self.backend, ability, verdict, says, mend))

    def check(self, ability: str, works: bool, otherwise: Verdict, says: str, mend: str = "") -> None:  # noqa: FBT001 - one fact, one flag
        """Note that an ability is there, or that it is not and what that means."""
        if works:
            self.add(ability, Verdict.WORKS)
        else:
            self.add(ability, otherwise, says, mend)

    def trying(self, ability: str) -> "Trying":
        """Note that the block worked, or what it raised: an error of storage is a finding, and is not raised."""
        return Trying(self, ability)


class Trying:
    """A block in which an ability is tried.

    Attributes:
        says: What to note besides when it works.
    """

    def __init__(self, examination: Examination, ability: str) -> None:
        self.says = ""
        self._examination = examination
        self._ability = ability

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None:
            self._examination.add(self._ability, Verdict.WORKS, self.says)
            return False
        if not isinstance(error, StorageException):
            return False
        self._examination.found.append(
            Examined(self._examination.backend, self._ability, Verdict.FAILS, error.message, error=error)
        )
        return True
