"""What the network can do to a request, staged by a proxy in front of a real server."""

import asyncio
import random

import pytest

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import PreconditionFailedException, StorageException, StorageUnavailableException
from s3py_helper.domain.file_id import FileId
from s3py_helper.storage.s3raw.client.s3_client import S3Client
from s3py_helper.testing import body_of, leak_guard, new_blob, read_all
from tests.integration.s3.conftest import PART_SIZE, PERF
from tests.support.proxy import Act, Direction, Fault, FaultProxy, fault_proxy
from tests.support.s3.inspector import S3Inspector
from tests.support.s3.server import S3Server

CONTENT = random.Random(3).randbytes(3_000_000)

TRANSIENT = [
    pytest.param(Fault(Act.CUT), id="cut before the answer"),
    pytest.param(Fault(Act.CUT, after=40), id="cut within the head of the answer"),
    pytest.param(Fault(Act.RESET), id="reset before the answer"),
    pytest.param(Fault(Act.GARBAGE), id="garbage instead of an answer"),
    pytest.param(Fault(Act.STALL), id="no answer"),
    pytest.param(Fault(Act.CUT, Direction.REQUEST, after=300), id="cut within the request"),
    pytest.param(Fault(Act.RESET, Direction.REQUEST, after=900_000), id="reset within the body of the request"),
]


async def stored(store: S3BlobStore, content: bytes = CONTENT) -> FileId:
    return (await store.write(new_blob(), body_of(content))).file_id


@pytest.mark.parametrize("fault", TRANSIENT)
async def test_an_upload_survives_a_failure_that_passes(store: S3BlobStore, proxy: FaultProxy, fault: Fault) -> None:
    await stored(store, b"opens the connection")
    proxy.plan(fault, request_starts="PUT")
    async with leak_guard():
        file_id = await stored(store)
    assert await read_all(store, file_id) == CONTENT


@pytest.mark.parametrize("fault", TRANSIENT)
async def test_a_part_survives_a_failure_that_passes(store: S3BlobStore, proxy: FaultProxy, fault: Fault) -> None:
    content = CONTENT * 4
    proxy.plan(fault, request_starts="PUT", contains="partNumber=2")
    async with leak_guard():
        file_id = await stored(store, content)
    assert await read_all(store, file_id) == content


@pytest.mark.parametrize("fault", TRANSIENT[:5])
@pytest.mark.parametrize("method", ["HEAD", "DELETE"])
async def test_describing_and_deleting_survive_a_failure_that_passes(
    store: S3BlobStore, proxy: FaultProxy, fault: Fault, method: str
) -> None:
    file_id = await stored(store)
    proxy.plan(fault, request_starts=method)
    async with leak_guard():
        if method == "HEAD":
            assert (await store.info(file_id)).size == len(CONTENT)
        else:
            await store.delete(file_id)


@pytest.mark.parametrize("act", [Act.CUT, Act.RESET, Act.STALL])
@pytest.mark.parametrize("after", [0, 500, 70_000, 2_999_000])
async def test_a_download_that_breaks_off_goes_on_where_it_stopped(
    store: S3BlobStore, proxy: FaultProxy, act: Act, after: int
) -> None:
    file_id = await stored(store)
    proxy.plan(Fault(act, after=after), request_starts="GET")
    async with leak_guard():
        assert await read_all(store, file_id) == CONTENT
    assert sum(line.startswith("GET") for line in proxy.requests) == 2


async def test_a_range_that_breaks_off_goes_on_within_the_range(store: S3BlobStore, proxy: FaultProxy) -> None:
    file_id = await stored(store)
    proxy.plan(Fault(Act.CUT, after=200_000), request_starts="GET")
    assert await read_all(store, file_id, ByteRange(1_000, 2_000_000)) == CONTENT[1_000:2_000_001]


async def test_a_download_may_break_off_as_often_as_retries_are_allowed(store: S3BlobStore, proxy: FaultProxy) -> None:
    file_id = await stored(store)
    proxy.plan(Fault(Act.CUT, after=600_000), request_starts="GET", times=2)
    assert await read_all(store, file_id) == CONTENT


async def test_a_download_that_keeps_breaking_off_is_an_error_and_never_a_short_file(
    store: S3BlobStore, proxy: FaultProxy
) -> None:
    file_id = await stored(store)
    proxy.plan(Fault(Act.CUT, after=600_000), request_starts="GET", times=99)
    async with leak_guard():
        with pytest.raises(StorageUnavailableException, match="broke off") as error:
            await read_all(store, file_id)
    assert error.value.retryable
    assert str(file_id) == error.value.file_id
    assert sum(line.startswith("GET") for line in proxy.requests) == 3


async def test_an_object_that_was_replaced_meanwhile_is_not_mixed_up(
    store: S3BlobStore, proxy: FaultProxy, inspector: S3Inspector
) -> None:
    file_id = await stored(store)
    proxy.plan(Fault(Act.CUT, after=600_000), request_starts="GET")
    async with store.open(file_id) as blob:
        await anext(blob.body)
        await inspector.put(file_id.key, CONTENT[::-1])
        with pytest.raises(PreconditionFailedException, match="replaced"):
            async for _ in blob.body:
                pass


async def test_a_slow_drip_is_waited_for(store: S3BlobStore, proxy: FaultProxy) -> None:
    file_id = await stored(store, CONTENT[:100_000])
    proxy.plan(Fault(Act.DRIP, drip_bytes=2_000), request_starts="GET")
    assert await read_all(store, file_id) == CONTENT[:100_000]


async def test_leaving_early_closes_the_connection_at_once(store: S3BlobStore, proxy: FaultProxy) -> None:
    file_id = await stored(store)
    async with asyncio.timeout(5):
        await proxy.until_connections(1)
        async with store.open(file_id) as blob:
            await anext(blob.body)
            await proxy.until_connections(1)
        await proxy.until_connections(0)


async def test_a_connection_is_used_again_after_the_last_byte(store: S3BlobStore, proxy: FaultProxy) -> None:
    file_id = await stored(store)
    for _ in range(3):
        await read_all(store, file_id)
        await store.info(file_id)
    assert proxy.accepted == 1


@pytest.mark.parametrize("fault", [Fault(Act.CUT), Fault(Act.STALL), Fault(Act.GARBAGE)], ids=lambda fault: fault.act)
async def test_a_failure_that_does_not_pass_is_an_error_that_names_the_place(
    seaweedfs: S3Server, store: S3BlobStore, proxy: FaultProxy, fault: Fault
) -> None:
    file_id = await stored(store)
    proxy.plan(fault, times=99)
    impatient = S3PerfConfig(read_timeout=0.3, max_retries=1)
    async with S3Session(seaweedfs.config(endpoint=proxy.endpoint, perf=impatient)) as connection, leak_guard():
        store = S3BlobStore(connection)
        for operation in (
            lambda: store.info(file_id),
            lambda: read_all(store, file_id),
            lambda: store.delete(file_id),
            lambda: store.write(new_blob(), body_of(b"x")),
        ):
            with pytest.raises(StorageUnavailableException, match=f"S3 at {proxy.endpoint}, bucket 'tests', key"):
                await operation()


async def test_a_server_that_is_down_is_an_error_and_its_return_is_noticed(
    store: S3BlobStore, proxy: FaultProxy
) -> None:
    file_id = await stored(store)
    await proxy.refuse()
    async with leak_guard():
        with pytest.raises(StorageUnavailableException, match="no connection"):
            await store.info(file_id)
        with pytest.raises(StorageUnavailableException, match="no connection"):
            await store.write(new_blob(), body_of(CONTENT * 4))
    await proxy.accept()
    assert await read_all(store, file_id) == CONTENT


@pytest.mark.parametrize("request_starts", ["POST", "PUT", "DELETE"])
async def test_an_upload_that_fails_half_way_leaves_nothing(
    store: S3BlobStore, proxy: FaultProxy, inspector: S3Inspector, request_starts: str
) -> None:
    blob = new_blob()
    # The HTTP client repeats a request on a connection that turns out to be closed; that comes on top of our attempts.
    proxy.plan(Fault(Act.CUT), request_starts=request_starts, contains=blob.key, times=7)
    proxy.plan(Fault(Act.CUT), request_starts="PUT", contains="partNumber=3", times=99)
    async with leak_guard():
        with pytest.raises(StorageException):
            await store.write(blob, body_of(CONTENT * 6))
    assert await inspector.unfinished_uploads(blob.key) == []
    assert await inspector.keys(blob.key) == []


@pytest.mark.parametrize("lost", ["?uploads", "?uploadId="], ids=["creation", "completion"])
async def test_an_answer_that_is_lost_does_not_leave_a_second_upload(
    store: S3BlobStore, proxy: FaultProxy, inspector: S3Inspector, lost: str
) -> None:
    blob, content = new_blob(), CONTENT * 4
    proxy.plan(Fault(Act.CUT), request_starts="POST", contains=lost)
    written = await store.write(blob, body_of(content))
    assert written.size == len(content)
    assert await inspector.read(blob.key) == content
    assert await inspector.unfinished_uploads(blob.key) == []


async def test_a_completion_whose_answer_is_lost_counts_although_the_upload_is_gone_then(
    moto: S3Server,
) -> None:
    content = CONTENT * 4
    async with (
        fault_proxy(moto.endpoint) as proxy,
        S3Session(moto.config(endpoint=proxy.endpoint, perf=PERF)) as connection,
    ):
        store = S3BlobStore(connection)
        proxy.plan(Fault(Act.CUT), request_starts="POST", contains="?uploadId=")
        file_id = await stored(store, content)
        assert sum("?uploadId=" in line for line in proxy.requests if line.startswith("POST")) == 2
        assert await read_all(store, file_id) == content


async def test_the_body_of_a_raw_answer_breaks_off_with_an_error_of_ours(
    seaweedfs: S3Server, store: S3BlobStore, proxy: FaultProxy
) -> None:
    file_id = await stored(store)
    proxy.plan(Fault(Act.CUT, after=600_000), request_starts="GET")
    async with S3Client(seaweedfs.config(endpoint=proxy.endpoint)) as client:
        answer = await client.get_object(file_id.bucket, file_id.key)
        async with answer["Body"] as body:
            with pytest.raises(StorageUnavailableException, match="broke off"):
                await body.read()


async def test_parts_in_flight_are_bounded(connection: S3Session, proxy: FaultProxy) -> None:
    perf = connection.perf.model_copy(update={"parts_in_flight": 2, "multipart_part_size": PART_SIZE})
    await S3BlobStore(connection, perf=perf).write(new_blob(), body_of(bytes(6 * PART_SIZE)))
    assert proxy.most_connections <= 2 + 1  # the SDK has one of its own
