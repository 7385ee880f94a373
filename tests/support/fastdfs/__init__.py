"""A FastDFS for tests: a server made from the protocol's description, or a real one where the machine offers it."""

from tests.support.fastdfs.cluster import FakeCluster
from tests.support.fastdfs.misbehaviour import (
    AnswerStatus,
    CorruptBody,
    Delay,
    Fragment,
    GarbageHeader,
    Misbehaviour,
    RejectUpload,
    ResetAfter,
    StallAfter,
    StopReading,
    TruncateAfter,
)
from tests.support.fastdfs.protocol import Command, Status

__all__ = [
    "AnswerStatus",
    "Command",
    "CorruptBody",
    "Delay",
    "FakeCluster",
    "Fragment",
    "GarbageHeader",
    "Misbehaviour",
    "RejectUpload",
    "ResetAfter",
    "StallAfter",
    "Status",
    "StopReading",
    "TruncateAfter",
]
