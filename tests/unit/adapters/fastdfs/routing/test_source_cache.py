import pytest

from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.routing import source_cache as sources
from s3py_helper.adapters.fastdfs.routing.source_cache import SourceCache
from s3py_helper.domain.file_id import FileId

_FILE = FileId.parse("group1/M00/00/00/fwAAAmsCvSWAZvKkAAAABTYQpoY966.txt")
_SAME_SOURCE = FileId.parse("group1/M00/00/01/fwAAAmsCvwCAW15-AAAADFPHxQg806.bin")
_OTHER_GROUP = FileId.parse("group2/M00/00/00/fwAAAmsCvSWAZvKkAAAABTYQpoY966.txt")
_OTHER_SOURCE = FileId.parse("group1/M00/09/00/fwAABGsCvwCAW15-AAAADFPHxQg806.bin")
_HANDMADE = FileId.parse("group1/M00/00/00/handmade.txt")
_SERVER = Address("10.0.0.2", 23000)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(sources, "monotonic", lambda: now[0])
    return now


def test_an_answer_holds_for_all_files_of_the_source_for_a_second(clock: list[float]) -> None:
    recent = SourceCache()
    recent.add(_FILE, _SERVER)
    assert recent.address_for(_FILE) == recent.address_for(_SAME_SOURCE) == _SERVER
    assert recent.address_for(_OTHER_GROUP) is recent.address_for(_OTHER_SOURCE) is None
    clock[0] += 1
    assert recent.address_for(_FILE) is None


def test_a_server_that_cannot_be_reached_is_forgotten() -> None:
    recent = SourceCache()
    recent.add(_FILE, _SERVER)
    recent.add(_OTHER_SOURCE, Address("10.0.0.4", 23000))
    recent.forget(_SERVER)
    assert recent.address_for(_FILE) is None
    assert recent.address_for(_OTHER_SOURCE) == Address("10.0.0.4", 23000)


def test_a_name_that_no_server_made_has_no_source() -> None:
    recent = SourceCache()
    recent.add(_HANDMADE, _SERVER)
    assert recent.address_for(_HANDMADE) is None
