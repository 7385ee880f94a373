"""One operation, measured once: what a child tells the runner."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """Attributes:
    operation: What was done, e.g. `put c=16`.
    count: How many times.
    size: Bytes moved in all.
    p99_seconds: Time within which 99 % of the operations ended.
    error: Why there are no figures.
    offered: False when the library has no such operation at all.
    """

    operation: str
    seconds: float = 0.0
    count: int = 0
    size: int = 0
    cpu_seconds: float = 0.0
    memory_growth: int = 0
    stall_seconds: float | None = None
    p99_seconds: float | None = None
    ratio: float | None = None
    error: str | None = None
    offered: bool = True


def described(error: BaseException) -> str:
    """An exception in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__
