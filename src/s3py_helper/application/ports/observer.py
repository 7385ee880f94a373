"""Events while backends are used: the source of logs, metrics and traces.

Events carry ids, names of servers, durations and reasons, never keys, tokens or bytes of files. `file_id` is the id as
the caller wrote it, `server` the host and port of one server of the backend, `seconds` a duration. The two that come
with every operation are tuples, which take a fifth of a frozen dataclass' time to make.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

from s3py_helper.domain.errors import StorageException


class OperationBegan(NamedTuple):
    """An operation on a backend begins.

    Attributes:
        backend: The backend, e.g. `"s3"`.
        operation: `"upload"`, `"download"`, `"info"`, `"delete"`, `"copy"`, `"list"` or the like.
        file_id: The id as the caller wrote it; `None` for a new file.
    """

    backend: str
    operation: str
    file_id: str | None = None


class OperationEnded(NamedTuple):
    """The operation has ended.

    Attributes:
        backend: As when it began.
        operation: As when it began.
        file_id: As when it began.
        seconds: How long it took; for a download, until its reader was done.
        size: Bytes that went through, where the operation moves bytes.
        error: Why it failed; `None` when it succeeded, and when its caller gave up.
        cancelled: Whether its caller gave up.
    """

    backend: str
    operation: str
    file_id: str | None
    seconds: float
    size: int | None = None
    error: StorageException | None = None
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class RequestRetried:
    """A request failed, and is sent again because another attempt may succeed.

    Attributes:
        backend: The backend.
        operation: What the request is for.
        attempt: How many attempts have failed so far.
        pause: Seconds before the next one.
        reason: Why the last one failed.
        file_id: The id concerned, where there is one.
    """

    backend: str
    operation: str
    attempt: int
    pause: float
    reason: str
    file_id: str | None = None


@dataclass(frozen=True, slots=True)
class ConnectionReplaced:
    """A kept connection turned out to be dead; a new one takes its place.

    Attributes:
        backend: The backend.
        server: Host and port of the server that it led to.
        reason: How that showed.
    """

    backend: str
    server: str
    reason: str


@dataclass(frozen=True, slots=True)
class FailedOver:
    """A server was out of reach or lacked what was asked for; another one is asked.

    Attributes:
        backend: The backend.
        server: Host and port of the server that failed.
        instead: Host and port of the server that is asked now, where it is known.
        reason: What was wrong with the first one.
    """

    backend: str
    server: str
    instead: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class DownloadResumed:
    """A download broke off and continues from where it was.

    Attributes:
        backend: The backend.
        file_id: The id of the file.
        position: Offset in the file at which it continues.
        reason: Why it broke off.
    """

    backend: str
    file_id: str
    position: int
    reason: str


@dataclass(frozen=True, slots=True)
class FallbackTaken:
    """The backend lacks something, so that less is done than was asked for.

    Attributes:
        backend: The backend.
        what: What is done without.
        reason: How the lack showed.
    """

    backend: str
    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class RollbackFailed:
    """What a failed or cancelled operation left could not be removed.

    Attributes:
        backend: The backend.
        what: Names what was left, for an operator to remove.
        reason: Why it could not be removed.
    """

    backend: str
    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class PoolWaited:
    """A request waited for a connection because all were in use.

    Attributes:
        backend: The backend.
        server: Host and port of the server that the connections lead to.
        seconds: How long it waited.
    """

    backend: str
    server: str
    seconds: float


type Event = (
    OperationBegan
    | OperationEnded
    | RequestRetried
    | ConnectionReplaced
    | FailedOver
    | DownloadResumed
    | FallbackTaken
    | RollbackFailed
    | PoolWaited
)
"""Anything that an observer is notified of."""


class Observer(Protocol):
    """Is notified of what happens.

    Called in the event loop's thread, between two steps of an operation: it must return at once, and what it raises is
    logged and ignored. New kinds of events may be added: ignore those that you do not know.

    An observer that has a method `wants_operations() -> bool` is asked before each operation whether to report it.
    """

    def notify(self, event: Event) -> None:
        """Called with each event."""
        ...
