"""Which server is asked after which, and who learns of it."""

import base64
import struct
import time
from typing import cast

import pytest

from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.faults import Peer, Role, ServerRefusal
from s3py_helper.adapters.fastdfs.protocol.storage_client import NOT_FOUND
from s3py_helper.adapters.fastdfs.routing.read_routing import Candidate, ReadRouting
from s3py_helper.adapters.fastdfs.routing.sources import Holder
from s3py_helper.adapters.fastdfs.routing.trackers import Trackers
from s3py_helper.application.ports.observer import FailedOver
from s3py_helper.domain.file_id import Backend, FileId
from tests.support.recorder import Recorder

_STAND_IN, _SOURCE = Address("127.0.0.2", 23000), Address("127.0.0.3", 23000)


def _file(age: int) -> FileId:
    fields = struct.pack("!4sIQI", bytes([127, 0, 0, 3]), int(time.time()) - age, 1 << 63 | 5, 0x3610A686)
    return FileId.parse(f"group1/M00/00/00/{base64.b64encode(fields, b'-_').decode().rstrip('=')}123.txt")


class StandIn:
    """Trackers that name a server in the source's place."""

    async def holder_of(self, _file_id: FileId) -> Holder:
        return Holder(_STAND_IN, _SOURCE)


class Lacking:
    """An attempt that only the source can answer."""

    def __init__(self, status: int = NOT_FOUND) -> None:
        self.asked: list[Address] = []
        self._status = status

    async def __call__(self, candidate: Candidate) -> str:
        self.asked.append(candidate.address)
        if candidate.address != _SOURCE:
            raise ServerRefusal(Peer(Role.STORAGE, candidate.address), self._status)
        return "found"


async def test_what_a_stand_in_lacks_of_a_new_file_comes_from_the_source_and_is_told() -> None:
    observer, lacking = Recorder(), Lacking()
    routing = ReadRouting(cast("Trackers", StandIn()), observer)
    assert await routing.from_source(_file(age=10), lacking) == "found"
    assert lacking.asked == [_STAND_IN, _SOURCE]
    assert observer.events == [
        FailedOver(Backend.FASTDFS, str(_STAND_IN), str(_SOURCE), f"answered status {NOT_FOUND}")
    ]


@pytest.mark.parametrize(("age", "status"), [(3600, NOT_FOUND), (10, 5)], ids=["old file", "another refusal"])
async def test_other_refusals_of_a_stand_in_stand(age: int, status: int) -> None:
    observer, lacking = Recorder(), Lacking(status)
    with pytest.raises(ServerRefusal):
        await ReadRouting(cast("Trackers", StandIn()), observer).from_source(_file(age), lacking)
    assert (lacking.asked, observer.events) == ([_STAND_IN], [])
