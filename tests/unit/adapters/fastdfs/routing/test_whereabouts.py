"""What proves that a file is there or missing: every answer of a source, a stand-in and the others of a group."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest

from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.connection import FramedConnection
from s3py_helper.adapters.fastdfs.protocol.faults import (
    ConnectionFault,
    Fault,
    Peer,
    ProtocolFault,
    Role,
    ServerRefusal,
)
from s3py_helper.adapters.fastdfs.protocol.messages import FileStat
from s3py_helper.adapters.fastdfs.routing.sources import Holder
from s3py_helper.adapters.fastdfs.routing.trackers import Trackers
from s3py_helper.adapters.fastdfs.routing.whereabouts import Finder, Whereabouts
from s3py_helper.adapters.fastdfs.session import FastdfsSession
from s3py_helper.application.ports.observer import FailedOver
from s3py_helper.domain.file_id import Backend, FileId
from tests.support.recorder import Recorder

_FILE = FileId.parse("group1/M00/00/00/handmade.txt")
_STAT = FileStat(5, 1_800_000_000)
_A, _B, _C = (Address(f"127.0.0.{number}", 23000) for number in (1, 2, 3))
_NAMES = {_A: "a", _B: "b", _C: "c"}


@dataclass(frozen=True)
class Case:
    """`holder` is where a tracker sends us; each letter is a server with its answer; `-` where it is known to be down.

    `found` is a server with `proven` or `unproven`, or what is raised.
    """

    found: str
    asked: str
    holder: tuple[str, str | None] = ("a", "a")
    a: str = "has"
    b: str = "has"
    c: str = "has"
    listed: str = "a b c"
    event: str | None = None
    forgotten: str = ""


_CASES = {
    "the source has it": Case("a proven", "a"),
    "the source lacks it": Case("nowhere proven", "a", a="lacks"),
    "the source takes it for no name": Case("nowhere proven", "a", a="invalid"),
    "the source refuses": Case("answered status 5", "a", a="refuses"),
    "the source is down, another has it": Case(
        "b unproven", "a b", a="down", event="a>b: no connection", forgotten="a"
    ),
    "the source is garbled, the last has it": Case(
        "c unproven", "a b c", a="garbled", b="lacks", event="a>c: garbled", forgotten="a"
    ),
    "the source is down, nobody has it": Case(
        "nowhere unproven", "a b c", a="down", b="lacks", c="lacks", forgotten="a"
    ),
    "all are down": Case("no connection", "a b c", a="down", b="garbled", c="garbled", forgotten="a"),
    "the source is down, the others are known to be": Case(
        "no connection", "a", a="down", listed="a -b -c", forgotten="a"
    ),
    "the source is down, another refuses": Case("answered status 5", "a b", a="down", b="refuses", forgotten="a"),
    "a stand-in has it": Case("b unproven", "b", holder=("b", "a")),
    "a stand-in lacks it, another has it": Case(
        "c unproven", "b c", holder=("b", "a"), b="lacks", event="b>c: it does not have the file"
    ),
    "a stand-in lacks it, and so do all": Case("nowhere unproven", "b c", holder=("b", "a"), b="lacks", c="lacks"),
    "a source out of service, a server has it": Case("b proven", "b", holder=("b", None)),
    "a source out of service, no list": Case("b unproven", "b", holder=("b", None), listed=""),
    "a source out of service, all lack it": Case(
        "nowhere proven", "b a c", holder=("b", None), a="lacks", b="lacks", c="lacks"
    ),
    "a source out of service, all lack it, no list": Case(
        "nowhere unproven", "b", holder=("b", None), b="lacks", listed=""
    ),
    "a source out of service, all lack it, one is known to be down": Case(
        "nowhere unproven", "b a", holder=("b", None), a="lacks", b="lacks", listed="a b -c"
    ),
    "a source out of service, all lack it, one does not answer": Case(
        "nowhere unproven", "b a c", holder=("b", None), a="lacks", b="lacks", c="down"
    ),
    "a source out of service, another has it": Case(
        "c proven", "b a c", holder=("b", None), a="lacks", b="lacks", event="b>c: it does not have the file"
    ),
    "a source out of service, one is down and another has it": Case(
        "c proven", "b a c", holder=("b", None), a="garbled", b="lacks", event="b>c: garbled"
    ),
    "a source out of service, the first is down and all lack it": Case(
        "nowhere unproven", "b a c", holder=("b", None), a="lacks", b="down", c="lacks", forgotten="b"
    ),
}


@pytest.mark.parametrize("what", _CASES)
async def test_where_a_file_is_and_what_proves_it(what: str) -> None:
    case, asked, observer, forgotten = _CASES[what], list[str](), Recorder(), list[str]()
    by_name = {name: address for address, name in _NAMES.items()}

    async def talk(address: Address, _work: object) -> FileStat:
        name = _NAMES[address]
        asked.append(name)
        return _answer(getattr(case, name), Peer(Role.STORAGE, address))

    async def holder_of(_: FileId) -> Holder:
        where, source = case.holder
        return Holder(by_name[where], None if source is None else by_name[source])

    async def servers(group: str) -> list[Any]:
        assert group == "group1"
        return [SimpleNamespace(address=by_name[text[-1]], is_active=len(text) == 1) for text in case.listed.split()]

    finder = Finder(
        cast("FastdfsSession", SimpleNamespace(talk=talk, observer=observer)),
        cast(
            "Trackers",
            SimpleNamespace(
                holder_of=holder_of,
                sources=SimpleNamespace(servers=servers),
                forget=lambda address: forgotten.append(_NAMES[address]),
            ),
        ),
    )
    try:
        found = await finder.find(_FILE)
    except Fault as fault:
        result = fault.message
    else:
        assert found.stat == (_STAT if found.address else None)
        where = _NAMES[found.address] if found.address else "nowhere"
        result = f"{where} {'proven' if found.proven else 'unproven'}"
    assert (result, " ".join(asked), " ".join(forgotten)) == (case.found, case.asked, case.forgotten)
    events = [
        f"{_NAMES[Address.parse(event.server)]}>{_NAMES[Address.parse(event.instead or '')]}: {event.reason}"
        for event in observer.of(FailedOver)
    ]
    assert events == ([case.event] if case.event else [])
    assert all(event.backend == Backend.FASTDFS for event in observer.of(FailedOver))


def _answer(answer: str, peer: Peer) -> FileStat:
    match answer:
        case "down":
            raise ConnectionFault(peer, "no connection")
        case "garbled":
            raise ProtocolFault(peer, "garbled")
        case "lacks":
            raise ServerRefusal(peer, 2)
        case "invalid":
            raise ServerRefusal(peer, 22)
        case "refuses":
            raise ServerRefusal(peer, 5)
        case _:
            return _STAT


@pytest.mark.parametrize(
    ("role", "status", "missing"),
    [(Role.TRACKER, 22, True), (Role.TRACKER, 2, False), (Role.TRACKER, 28, False), (Role.STORAGE, 22, False)],
)
async def test_what_trackers_take_for_no_name_exists_nowhere(role: Role, status: int, *, missing: bool) -> None:
    async def holder_of(_: FileId) -> Holder:
        raise ServerRefusal(Peer(role, _A), status)

    finder = Finder(cast("FastdfsSession", SimpleNamespace()), cast("Trackers", SimpleNamespace(holder_of=holder_of)))
    if missing:
        assert await finder.find(_FILE) == Whereabouts(proven=True)
    else:
        with pytest.raises(ServerRefusal):
            await finder.find(_FILE)


async def test_a_server_is_asked_for_the_very_file() -> None:
    asked: list[object] = []

    async def talk(_address: Address, work: Any) -> object:
        return await work(cast("FramedConnection", SimpleNamespace(send=_send, peer=Peer(Role.STORAGE, _A))))

    async def _send(data: bytes) -> None:
        asked.append(bytes(data))
        raise ConnectionFault(Peer(Role.STORAGE, _A), "no connection")

    async def holder_of(_: FileId) -> Holder:
        return Holder(_A, _A)

    async def servers(_: str) -> list[Any]:
        return []

    trackers = SimpleNamespace(
        holder_of=holder_of, sources=SimpleNamespace(servers=servers), forget=lambda _address: None
    )
    finder = Finder(cast("FastdfsSession", SimpleNamespace(talk=talk)), cast("Trackers", trackers))
    with pytest.raises(ConnectionFault):
        await finder.find(_FILE)
    name = b"M00/00/00/handmade.txt"
    assert asked == [(16 + len(name)).to_bytes(8) + bytes([22, 1]) + b"group1".ljust(16, b"\0") + name]
