import asyncio
import inspect

import aiofdfs.exceptions
import pytest
from aiofdfs.async_connection import AsyncConnectionError

from s3py_helper.adapters.fastdfs.errors import public_error, translated
from s3py_helper.adapters.fastdfs.protocol import faults
from s3py_helper.adapters.fastdfs.protocol.address import Address
from s3py_helper.adapters.fastdfs.protocol.faults import ConnectionFault, Fault, Peer, Role, ServerRefusal, SpoolFault
from s3py_helper.domain.errors import (
    AccessDeniedException,
    FileNotFoundException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import FileId

_FILE = FileId.parse("group1/M00/00/00/fwAAAmsCvSWAZvKkAAAABTYQpoY966.txt")
_TRACKER = Peer(Role.TRACKER, Address("127.0.0.1", 22122))
_STORAGE = Peer(Role.STORAGE, Address("127.0.0.2", 23000))


def _classes(module: object) -> list[type[Exception]]:
    return [kind for _, kind in inspect.getmembers(module, inspect.isclass) if issubclass(kind, Exception)]


@pytest.mark.parametrize("kind", [kind for kind in _classes(faults) if kind is not Fault])
def test_every_fault_has_a_counterpart(kind: type[Exception]) -> None:
    if kind is SpoolFault:
        fault: Exception = SpoolFault("why")
    elif kind is ServerRefusal:
        fault = ServerRefusal(_STORAGE, 5)
    else:
        fault = kind(_STORAGE, "why")
    error = public_error(fault, "download", _FILE)
    assert isinstance(error, StorageOperationException)
    assert (error.operation, error.file_id, error.backend) == ("download", str(_FILE), "fastdfs")


@pytest.mark.parametrize("kind", [*_classes(aiofdfs.exceptions), AsyncConnectionError])
def test_every_error_of_the_library_has_a_counterpart(kind: type[Exception]) -> None:
    with pytest.raises(StorageOperationException, match="what it said") as raised, translated("info", _FILE):
        raise kind("what it said")
    assert isinstance(raised.value.__cause__, kind)


@pytest.mark.parametrize(
    ("peer", "status", "with_file", "expected"),
    [
        (_TRACKER, 2, True, StorageUnavailableException),
        (_TRACKER, 2, False, StorageUnavailableException),
        (_STORAGE, 2, True, FileNotFoundException),
        (_STORAGE, 2, False, StorageOperationException),
        (_TRACKER, 22, True, FileNotFoundException),
        (_STORAGE, 22, True, FileNotFoundException),
        (_STORAGE, 22, False, StorageOperationException),
        (_TRACKER, 28, False, StorageOperationException),
        (_STORAGE, 28, False, StorageOperationException),
        (_STORAGE, 16, True, StorageUnavailableException),
        (_STORAGE, 110, False, StorageUnavailableException),
        (_STORAGE, 13, True, AccessDeniedException),
        (_STORAGE, 5, True, StorageOperationException),
        (_STORAGE, 255, True, StorageOperationException),
    ],
)
def test_a_status_means_what_it_means_from_that_server(
    peer: Peer, status: int, *, with_file: bool, expected: type[StorageException]
) -> None:
    error = public_error(ServerRefusal(peer, status), "delete", _FILE if with_file else None)
    assert type(error) is expected
    assert f"(status {status})" in str(error)
    assert str(peer) in str(error)


@pytest.mark.parametrize("error", [OSError("the caller's disk"), ValueError("theirs"), asyncio.CancelledError()])
def test_what_is_not_ours_passes(error: BaseException) -> None:
    with pytest.raises(type(error)) as raised, translated("upload"):
        raise error
    assert raised.value is error


def test_what_may_pass_is_said_to_be_retryable() -> None:
    assert public_error(ConnectionFault(_STORAGE, "no connection"), "info", _FILE).retryable
    assert not public_error(ServerRefusal(_STORAGE, 28), "upload").retryable
