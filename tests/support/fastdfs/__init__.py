"""A FastDFS for tests: a server made from the protocol's description, or a real one where the machine offers it."""

from tests.support.fastdfs.cluster import FakeCluster
from tests.support.fastdfs.misbehaviour import (
    AnswerStatus,
    AnswerWith,
    CorruptBody,
    Delay,
    Drip,
    Fragment,
    GarbageHeader,
    Misbehaviour,
    RejectUpload,
    ResetAfter,
    StallAfter,
    StopReading,
    Surplus,
    TruncateAfter,
)
from tests.support.fastdfs.protocol import Command, Status

__all__ = [
    "AnswerStatus",
    "AnswerWith",
    "Command",
    "CorruptBody",
    "Delay",
    "Drip",
    "FakeCluster",
    "Fragment",
    "GarbageHeader",
    "Misbehaviour",
    "RejectUpload",
    "ResetAfter",
    "StallAfter",
    "Status",
    "StopReading",
    "Surplus",
    "TruncateAfter",
]
