"""Which tracker is asked after which, what counts as a reply, and who learns of it."""

import random
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.faults import (
    ConnectionFault,
    Fault,
    Peer,
    PoolClosed,
    PoolExhausted,
    ProtocolFault,
    Role,
    ServerRefusal,
)
from s3py_helper.adapters.fastdfs.routing import trackers as module
from s3py_helper.adapters.fastdfs.routing.sources import Holder
from s3py_helper.adapters.fastdfs.routing.trackers import Trackers, UploadTarget
from s3py_helper.adapters.fastdfs.session import FastdfsSession
from s3py_helper.application.ports.observer import FailedOver, FallbackTaken
from s3py_helper.domain.file_id import Backend, FileId
from tests.support.recorder import Recorder

_FILE = FileId.parse("group1/M00/00/00/handmade.txt")
_NAMES = [f"127.0.0.{number}:22122" for number in (1, 2, 3)]
_MISSING, _FULL = 2, 28


class Cluster:
    """Trackers that answer as they are told.

    Attributes:
        now: The clock of those who ask.
        asked: `tracker question` for each question, the tracker by its number.
        answers: What each says, one after the other; the last for good.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
        self.now = 1000.0
        self.asked: list[str] = []
        self.answers: dict[int, list[str]] = {1: ["well"], 2: ["well"], 3: ["well"]}
        self.observer = Recorder()
        monkeypatch.setattr(module, "monotonic", lambda: self.now)
        monkeypatch.setattr(module, "TrackerClient", self._client)
        monkeypatch.setattr(random, "shuffle", lambda _addresses: None)
        session = SimpleNamespace(observer=self.observer, tracker=lambda address: address)
        given = {"tracker_servers": _NAMES, **settings}
        self.trackers = Trackers(FastdfsConfig(**given), cast("FastdfsSession", session))

    def _client(self, address: Address, path_index: int) -> "_Client":
        return _Client(self, address, path_index)

    def answer(self, address: Address, question: str, reply: Any) -> Any:
        number = int(address.host[-1])
        self.asked.append(f"{number} {question}")
        answers = self.answers[number]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        peer = Peer(Role.TRACKER, address)
        faults: dict[str, Fault] = {
            "down": ConnectionFault(peer, "no connection"),
            "stale": ConnectionFault(peer, "it closed the connection", stale=True),
            "garbled": ProtocolFault(peer, "garbled"),
            "lacks": ServerRefusal(peer, _MISSING),
            "full": ServerRefusal(peer, _FULL),
            "closed": PoolClosed(peer, "the store is not open"),
            "busy": PoolExhausted(peer, "all 64 connections stayed in use"),
        }
        if answer in faults:
            raise faults[answer]
        return reply

    @property
    def failovers(self) -> list[str]:
        events = self.observer.of(FailedOver)
        assert all(event.backend == Backend.FASTDFS for event in events)
        return [f"{event.server[8]}>{(event.instead or '')[8]}: {event.reason}" for event in events]


class _Client:
    def __init__(self, cluster: Cluster, address: Address, path_index: int) -> None:
        self._cluster = cluster
        self._address = address
        self._path_index = path_index

    async def group_names(self) -> list[str]:
        return cast("list[str]", self._cluster.answer(self._address, "groups", ["group1", "group2"]))

    async def group_servers(self, group: str) -> Any:
        return self._cluster.answer(self._address, f"servers of {group}", ["servers"])

    async def storage_to_read(self, group: str, name: str) -> Any:
        return self._cluster.answer(self._address, f"read {group} {name}", _server())

    async def storage_to_change(self, group: str, name: str) -> Any:
        return self._cluster.answer(self._address, f"change {group} {name}", _server())

    async def tracker_query_storage_stor_without_group(self) -> Any:
        return self._cluster.answer(self._address, f"store anywhere {self._path_index}", _server())

    async def tracker_query_storage_stor_with_group(self, group: str) -> Any:
        return self._cluster.answer(self._address, f"store in {group} {self._path_index}", _server())


def _server() -> Any:
    return SimpleNamespace(ip_addr=b"127.0.0.7", port=23000, group_name=b"group1", store_path_index=3)


_STORAGE = Address("127.0.0.7", 23000)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    return Cluster(monkeypatch)


async def test_each_question_goes_to_one_tracker(cluster: Cluster) -> None:
    trackers = cluster.trackers
    assert await trackers.groups() == ["group1", "group2"]
    servers: Any = await trackers.servers_of("group2")
    assert servers == ["servers"]
    assert await trackers.storage_to_read(_FILE) == _STORAGE
    assert await trackers.holder_of(_FILE) == Holder(_STORAGE, None)
    assert await trackers.place_for_new_file() == UploadTarget(_STORAGE, "group1", 3)
    assert cluster.asked == [
        "1 groups",
        "1 servers of group2",
        "1 read group1 M00/00/00/handmade.txt",
        "1 change group1 M00/00/00/handmade.txt",
        "1 store anywhere -1",
    ]


async def test_a_new_file_goes_where_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(monkeypatch, group_name="group1", store_path_index=2, tracker_servers=[*_NAMES, *_NAMES])
    await cluster.trackers.place_for_new_file()
    cluster.answers = {number: ["down"] for number in (1, 2, 3)}
    with pytest.raises(ConnectionFault):
        await cluster.trackers.groups()
    assert cluster.asked == ["1 store in group1 2", "1 groups", "2 groups", "3 groups"], "a tracker named twice is one"


def test_many_processes_do_not_all_ask_the_same_one_first(monkeypatch: pytest.MonkeyPatch) -> None:
    shuffled: list[Sequence[Address]] = []
    monkeypatch.setattr(random, "shuffle", shuffled.append)
    Trackers(FastdfsConfig(tracker_servers=_NAMES), cast("FastdfsSession", SimpleNamespace()))
    assert shuffled == [[Address.parse(name) for name in _NAMES]]


@pytest.mark.parametrize(
    ("answers", "asked", "failovers", "fault", "message"),
    [
        (("down", "well", "well"), "12", ["1>2: no connection"], None, None),
        (("garbled", "down", "well"), "123", ["1>2: garbled", "2>3: no connection"], None, None),
        (("lacks", "well", "well"), "12", [], None, None),
        (("full", "well", "well"), "1", [], ServerRefusal, "answered status 28"),
        (("closed", "well", "well"), "1", [], PoolClosed, "the store is not open"),
        (("busy", "well", "well"), "1", [], PoolExhausted, "all 64 connections stayed in use"),
        (("down", "lacks", "down"), "123", ["1>2: no connection"], ServerRefusal, "answered status 2"),
        (("lacks", "lacks", "lacks"), "123", [], ServerRefusal, "answered status 2"),
        (
            ("down", "garbled", "down"),
            "123",
            ["1>2: no connection", "2>3: garbled"],
            ConnectionFault,
            "no connection; tracker 127.0.0.2:22122: garbled; tracker 127.0.0.3:22122: no connection",
        ),
        (
            ("garbled", "garbled", "garbled"),
            "123",
            ["1>2: garbled", "2>3: garbled"],
            ProtocolFault,
            "garbled; tracker 127.0.0.2:22122: garbled; tracker 127.0.0.3:22122: garbled",
        ),
    ],
)
async def test_another_is_asked_where_one_cannot_tell(
    cluster: Cluster,
    answers: tuple[str, ...],
    asked: str,
    failovers: list[str],
    fault: type[Fault] | None,
    message: str | None,
) -> None:
    cluster.answers = {number: [answer] for number, answer in enumerate(answers, 1)}
    if fault is None:
        assert await cluster.trackers.groups() == ["group1", "group2"]
    else:
        with pytest.raises(fault) as raised:
            await cluster.trackers.groups()
        assert raised.value.message == message
    assert "".join(question[0] for question in cluster.asked) == asked
    assert cluster.failovers == failovers


async def test_the_only_tracker_s_fault_is_the_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster(monkeypatch, tracker_servers=_NAMES[:1])
    cluster.answers[1] = ["garbled"]
    with pytest.raises(ProtocolFault, match=r"^tracker 127\.0\.0\.1:22122: garbled$"):
        await cluster.trackers.groups()


@pytest.mark.parametrize(("answers", "asked"), [(["stale", "well"], "11"), (["stale", "stale", "well"], "112")])
async def test_a_kept_connection_that_is_dead_is_no_fault_of_the_tracker(
    cluster: Cluster, answers: list[str], asked: str
) -> None:
    cluster.answers[1] = answers
    await cluster.trackers.groups()
    assert "".join(question[0] for question in cluster.asked) == asked


async def test_one_that_failed_is_asked_last_for_a_while_and_first_once_it_is_back(cluster: Cluster) -> None:
    async def asked() -> str:
        cluster.asked.clear()
        await cluster.trackers.groups()
        return "".join(question[0] for question in cluster.asked)

    cluster.answers[1] = ["down"]
    assert await asked() == "12"
    assert await asked() == "2"
    cluster.now += 9.9
    assert await asked() == "2"
    cluster.answers[2] = ["down"]
    assert await asked() == "23", "the one that has not failed goes first"
    cluster.now += 0.2
    assert await asked() == "13", "its time is over, the other's is not"
    cluster.now += 9.9
    cluster.answers = {1: ["well"], 2: ["well"], 3: ["down"]}
    assert await asked() == "2", "both may be tried again, in their order, and this one has not failed since"


async def test_one_that_answers_is_not_taken_for_down_any_more(cluster: Cluster) -> None:
    cluster.answers = {1: ["down", "well"], 2: ["down"], 3: ["down"]}
    with pytest.raises(ConnectionFault):
        await cluster.trackers.groups()
    cluster.asked.clear()
    await cluster.trackers.groups()
    cluster.answers[2] = cluster.answers[3] = ["well"]
    await cluster.trackers.groups()
    assert cluster.asked == ["1 groups", "1 groups"]


@pytest.mark.parametrize("answer", ["garbled", "full"])
async def test_a_group_that_cannot_be_listed_is_done_without(cluster: Cluster, answer: str) -> None:
    cluster.answers = {number: [answer] for number in (1, 2, 3)}
    assert await cluster.trackers.sources.servers("group1") == []
    [event] = cluster.observer.of(FallbackTaken)
    assert event.backend == Backend.FASTDFS
    assert event.what == "telling a new file of group1 that is out of reach from one that does not exist"
    assert event.reason.startswith("tracker 127.0.0.1:22122: ")


async def test_a_group_that_nobody_can_be_asked_for_is_a_fault(cluster: Cluster) -> None:
    cluster.answers = {number: ["busy"] for number in (1, 2, 3)}
    with pytest.raises(PoolExhausted):
        await cluster.trackers.sources.servers("group1")
    assert cluster.observer.events == []
