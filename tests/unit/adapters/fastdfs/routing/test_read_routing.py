"""Which server is asked after which, and who learns of it."""

import base64
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import pytest

from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.faults import ConnectionFault, Peer, ProtocolFault, Role, ServerRefusal
from s3py_helper.adapters.fastdfs.protocol.storage_client import NOT_FOUND
from s3py_helper.adapters.fastdfs.routing.read_routing import Candidate, ReadRouting, ReplicaBehind
from s3py_helper.adapters.fastdfs.routing.sources import Holder
from s3py_helper.adapters.fastdfs.routing.trackers import Trackers
from s3py_helper.application.ports.observer import FailedOver
from s3py_helper.domain.file_id import Backend, FileId
from tests.support.recorder import Recorder

_OTHER, _SOURCE, _THIRD = (Address(f"127.0.0.{number}", 23000) for number in (2, 3, 4))
_NOBODY = Address("127.0.0.9", 1)
_NEW, _OLD, _AHEAD, _FAR_AHEAD = 10, 3600, -10, -3600
"""Seconds since a file was made, by this host's clock."""


def _file(age: int) -> FileId:
    fields = struct.pack("!4sIQI", bytes([127, 0, 0, 3]), int(time.time()) - age, 1 << 63 | 5, 0x3610A686)
    return FileId.parse(f"group1/M00/00/00/{base64.b64encode(fields, b'-_').decode().rstrip('=')}123.txt")


@dataclass
class ScriptedTrackers:
    """Trackers that name these servers.

    Attributes:
        holder: Where a file may be changed.
        replicas: Where it may be read, asked one after the other.
        forgotten: Servers that are to be asked about anew.
    """

    holder: Holder
    replicas: list[Address] = field(default_factory=list)
    forgotten: list[Address] = field(default_factory=list)

    async def holder_of(self, _file_id: FileId) -> Holder:
        return self.holder

    async def storage_to_read(self, _file_id: FileId) -> Address:
        return self.replicas.pop(0)

    def forget(self, address: Address) -> None:
        self.forgotten.append(address)


class ScriptedServers:
    """An attempt that each server answers in its way, one answer after the other."""

    def __init__(self, **answers: Sequence[str]) -> None:
        self.asked: list[Candidate] = []
        self._answers = {_BY_NAME[name]: list(given) for name, given in answers.items()}

    async def __call__(self, candidate: Candidate) -> str:
        self.asked.append(candidate)
        answer = self._answers[candidate.address].pop(0)
        peer = Peer(Role.STORAGE, candidate.address)
        match answer:
            case "down":
                raise ConnectionFault(peer, "no connection")
            case "garbled":
                raise ProtocolFault(peer, "garbled")
            case "behind":
                raise ReplicaBehind
            case "lacks":
                raise ServerRefusal(peer, NOT_FOUND)
            case "refuses":
                raise ServerRefusal(peer, 5)
            case _:
                return answer


_BY_NAME = {"other": _OTHER, "source": _SOURCE, "third": _THIRD}


@dataclass(frozen=True)
class Case:
    """Who is named, what each server says, and what is to follow.

    Attributes:
        result: What is given, or the message or type of what is raised.
        asked: Servers in their order; with `?` what they lack may be elsewhere, with `!` there is no other to ask.
        events: `server>instead: reason`.
        forgotten: Servers that trackers are asked about anew.
    """

    result: str
    asked: str
    other: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    third: tuple[str, ...] = ()
    age: int = _NEW
    holder: Holder = Holder(_SOURCE, _SOURCE)  # noqa: RUF009 - frozen
    replicas: tuple[Address, ...] = ()
    events: tuple[str, ...] = ()
    forgotten: tuple[str, ...] = ()


_STANDS_IN = Holder(_OTHER, _SOURCE)
_UNKNOWN = Holder(_OTHER, None)
_MISSING = f"answered status {NOT_FOUND}"

_FROM_SOURCE = {
    "well": Case("found", "source!", source=("found",)),
    "missing": Case(_MISSING, "source!", source=("lacks",)),
    "behind at its source": Case("ReplicaBehind", "other!", other=("behind",), holder=_UNKNOWN),
    "source down, another tells": Case(
        "found",
        "source! other?!",
        source=("down",),
        other=("found",),
        replicas=(_SOURCE, _OTHER),
        events=("source>other: no connection",),
        forgotten=("source",),
    ),
    "source garbled, an old file": Case(
        "found",
        "source! other!",
        age=_OLD,
        source=("garbled",),
        other=("found",),
        replicas=(_OTHER,),
        events=("source>other: garbled",),
        forgotten=("source",),
    ),
    "source down, no other is named": Case(
        "no connection", "source!", source=("down",), replicas=(_SOURCE, _SOURCE), forgotten=("source",)
    ),
    "source down, the other lacks a new file": Case(
        "no connection",
        "source! other?! source!",
        source=("down", "down"),
        other=("lacks",),
        replicas=(_OTHER,),
        events=("source>other: no connection", f"other>source: {_MISSING}"),
        forgotten=("source",),
    ),
    "stand-in": Case("found", "other?!", other=("found",), holder=_STANDS_IN),
    "stand-in, an old file": Case("found", "other!", age=_OLD, other=("found",), holder=_STANDS_IN),
    "stand-in, clocks that differ": Case("found", "other?!", age=_AHEAD, other=("found",), holder=_STANDS_IN),
    "stand-in, a clock that is wrong": Case("found", "other!", age=_FAR_AHEAD, other=("found",), holder=_STANDS_IN),
    "stand-in lacks a new file": Case(
        "found",
        "other?! source!",
        other=("lacks",),
        source=("found",),
        holder=_STANDS_IN,
        events=(f"other>source: {_MISSING}",),
    ),
    "stand-in lacks an old file": Case(_MISSING, "other!", age=_OLD, other=("lacks",), holder=_STANDS_IN),
    "stand-in refuses": Case("answered status 5", "other?!", other=("refuses",), holder=_STANDS_IN),
    "stand-in is behind": Case("found", "other?! source!", other=("behind",), source=("found",), holder=_STANDS_IN),
    "stand-in is behind, source down": Case(
        "found anyway",
        "other?! source! other!",
        other=("behind", "found anyway"),
        source=("down",),
        holder=_STANDS_IN,
        events=("source>other: no connection",),
    ),
    "stand-in is behind and lacks it, source down": Case(
        "no connection",
        "other?! source! other!",
        other=("behind", "lacks"),
        source=("down",),
        holder=_STANDS_IN,
        events=("source>other: no connection",),
        forgotten=("other",),
        replicas=(_OTHER, _OTHER),
    ),
    "stand-in is behind and refuses, source garbled": Case(
        "answered status 5",
        "other?! source! other!",
        other=("behind", "refuses"),
        source=("garbled",),
        holder=_STANDS_IN,
        events=("source>other: garbled",),
    ),
}

_FROM_REPLICA = {
    "the source itself": Case("found", "source", source=("found",), replicas=(_SOURCE,)),
    "a replica": Case("found", "other?", other=("found",), replicas=(_OTHER,)),
    "a replica, an old file": Case("found", "other", age=_OLD, other=("found",), replicas=(_OTHER,)),
    "a replica that is behind": Case(
        "found",
        "other? source!",
        other=("behind",),
        source=("found",),
        replicas=(_OTHER,),
        events=("other>source: it has not all of the file yet",),
    ),
    "a replica that lacks it": Case(
        "found",
        "other? source!",
        other=("lacks",),
        source=("found",),
        replicas=(_OTHER,),
        events=("other>source: storage server 127.0.0.2:23000: answered status 2",),
    ),
    "a replica that is down": Case(
        "found",
        "other source!",
        age=_OLD,
        other=("down",),
        source=("found",),
        replicas=(_OTHER,),
        events=("other>source: no connection",),
    ),
    "the source lacks it": Case(_MISSING, "source source!", source=("lacks", "lacks"), replicas=(_SOURCE,)),
    "the source is behind itself": Case("found", "source source!", source=("behind", "found"), replicas=(_SOURCE,)),
    "the source is down": Case(
        "found",
        "source third?!",
        source=("down",),
        third=("found",),
        replicas=(_SOURCE, _THIRD),
        events=("source>third: no connection",),
    ),
    "the source is down and nobody else is named": Case(
        "no connection", "source", source=("down",), replicas=(_SOURCE, _SOURCE, _SOURCE)
    ),
}

_CHANGES = {
    "well": Case("done", "source!", source=("done",)),
    "down": Case("no connection", "source!", source=("down",), forgotten=("source",)),
    "garbled": Case("garbled", "source!", source=("garbled",)),
    "missing": Case(_MISSING, "source!", source=("lacks",)),
    "stand-in lacks a new file": Case(
        "done",
        "other?! source!",
        other=("lacks",),
        source=("done",),
        holder=_STANDS_IN,
        events=(f"other>source: {_MISSING}",),
    ),
}

_ALL = [
    *(("from_source", name, case) for name, case in _FROM_SOURCE.items()),
    *(("from_replica", name, case) for name, case in _FROM_REPLICA.items()),
    *(("change_at_source", name, case) for name, case in _CHANGES.items()),
]


@pytest.mark.parametrize(("how", "case"), [(how, case) for how, _, case in _ALL], ids=[f"{a}: {b}" for a, b, _ in _ALL])
async def test_who_is_asked_after_whom(how: str, case: Case) -> None:
    trackers = ScriptedTrackers(case.holder, list(case.replicas))
    servers, observer = ScriptedServers(other=case.other, source=case.source, third=case.third), Recorder()
    routing = ReadRouting(cast("Trackers", trackers), observer)
    try:
        result = await getattr(routing, how)(_file(case.age), servers)
    except (ConnectionFault, ProtocolFault, ServerRefusal) as fault:
        result = fault.message
    except ReplicaBehind:
        result = "ReplicaBehind"
    names = {address: name for name, address in _BY_NAME.items()}
    asked = (f"{names[one.address]}{'?' * one.may_lag}{'!' * one.final}" for one in servers.asked)
    events = (
        f"{names[Address.parse(event.server)]}>{names[Address.parse(event.instead or str(_NOBODY))]}: {event.reason}"
        for event in observer.of(FailedOver)
    )
    assert result == case.result
    assert " ".join(asked) == case.asked
    assert tuple(events) == case.events
    assert all(event.backend == Backend.FASTDFS for event in observer.of(FailedOver))
    assert tuple(names[address] for address in trackers.forgotten) == case.forgotten
    assert trackers.replicas == [], "no tracker is asked less often than it may help, or more"


async def test_a_name_that_no_server_made_is_of_no_age() -> None:
    trackers = ScriptedTrackers(_UNKNOWN, [_OTHER])
    servers = ScriptedServers(other=("found",))
    routing = ReadRouting(cast("Trackers", trackers), Recorder())
    assert await routing.from_replica(FileId.parse("group1/M00/00/00/handmade.txt"), servers) == "found"
    assert servers.asked == [Candidate(_OTHER, may_lag=False, final=False)]
