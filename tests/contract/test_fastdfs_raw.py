"""The package `fastdfs`: FastDFS without routing and validation, on a real and on a protocol-level one."""

import asyncio
import io
import time
import zipfile
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import UploadFile

from s3py_helper.application.ports.observer import OperationEnded
from s3py_helper.storage import (
    FastdfsConfig,
    FileAttach,
    FileDownload,
    FileNotFoundException,
    InvalidArgumentException,
    RouteNotSupportedException,
    StorageOperationException,
)
from s3py_helper.storage.fastdfs.client.fastdfs_client import FastdfsClient
from s3py_helper.storage.fastdfs.service.appender_service import FastdfsAppenderServiceImpl
from s3py_helper.storage.fastdfs.service.delete_service import FastdfsDeleteServiceImpl
from s3py_helper.storage.fastdfs.service.download_service import FastdfsDownloadServiceImpl
from s3py_helper.storage.fastdfs.service.info_service import FastdfsInfoServiceImpl
from s3py_helper.storage.fastdfs.service.metadata_service import FastdfsMetadataServiceImpl
from s3py_helper.storage.fastdfs.service.slave_service import FastdfsSlaveServiceImpl
from s3py_helper.storage.fastdfs.service.upload_service import FastdfsUploadServiceImpl
from tests.contract.conftest import CONTENT
from tests.support.fastdfs.cluster import FakeCluster
from tests.support.fastdfs.site import FastdfsSite
from tests.support.recorder import Recorder

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(params=["site", "protocol-level"])
async def config(request: pytest.FixtureRequest) -> AsyncIterator[FastdfsConfig]:
    if request.param == "site":
        site: FastdfsSite = request.getfixturevalue("fastdfs_site")
        yield FastdfsConfig(tracker_servers=list(site.trackers))
    else:
        async with FakeCluster() as cluster:
            yield FastdfsConfig(tracker_servers=cluster.tracker_addresses)


@pytest.fixture
async def client(config: FastdfsConfig) -> AsyncIterator[FastdfsClient]:
    async with FastdfsClient(config) as opened:
        yield opened


@pytest.fixture
async def file_id(client: FastdfsClient) -> str:
    return (await FastdfsUploadServiceImpl(client).upload_bytes("report.pdf", CONTENT, {"author": "ada"})).file_id


@pytest.fixture
async def appender(client: FastdfsClient) -> str:
    return (await FastdfsAppenderServiceImpl(client).create("log.txt", b"hello", {"kind": "log"})).file_id


async def content_of(client: FastdfsClient, file_id: str) -> bytes:
    return await FastdfsDownloadServiceImpl(client).download_bytes(file_id)


async def test_files_go_up_in_every_form(client: FastdfsClient) -> None:
    uploads = FastdfsUploadServiceImpl(client)

    async def chunks() -> AsyncIterator[bytes]:
        yield CONTENT[:100]
        yield CONTENT[100:]

    def form_file() -> UploadFile:
        return UploadFile(io.BytesIO(CONTENT), filename="report.pdf", size=len(CONTENT))

    attaches = [
        await uploads.upload_bytes("report.pdf", CONTENT, {"a": "b"}),
        await uploads.upload_stream("report.pdf", io.BytesIO(CONTENT), len(CONTENT), {"a": "b"}),
        await uploads.upload_stream("report.pdf", chunks(), metadata={"a": "b"}),
        await uploads.upload_file(form_file(), {"a": "b"}),
        *await uploads.upload_files([form_file(), form_file()], {"a": "b"}),
    ]
    for attach in attaches:
        assert attach.file_id.startswith("group")
        assert attach.file_id.endswith(".pdf")
        assert await content_of(client, attach.file_id) == CONTENT
        info = await FastdfsInfoServiceImpl(client).get_file_info(attach.file_id)
        assert (info.file_id, info.file_name, info.file_size, info.metadata) == (
            attach.file_id,
            "report.pdf",
            len(CONTENT),
            {"a": "b"},
        )
        await FastdfsDeleteServiceImpl(client).delete_file(attach.file_id)


async def test_files_come_down_in_every_form(client: FastdfsClient, file_id: str, tmp_path: Path) -> None:
    downloads = FastdfsDownloadServiceImpl(client)
    with (tmp_path / "out").open("wb") as out:
        await downloads.download_to_stream(file_id, out)
    assert (tmp_path / "out").read_bytes() == CONTENT
    assert b"".join([chunk async for chunk in downloads.download_to_generator(file_id)]) == CONTENT
    buffer = io.BytesIO()
    await downloads.download_files_as_zip([FileDownload(file_id=file_id)], buffer)
    with zipfile.ZipFile(buffer) as archive:
        assert archive.read("report.pdf") == CONTENT
    await FastdfsDeleteServiceImpl(client).delete_file(file_id)


async def test_what_is_not_there_is_not_found(client: FastdfsClient, file_id: str) -> None:
    await FastdfsDeleteServiceImpl(client).delete_file(file_id)
    for call in (
        FastdfsDeleteServiceImpl(client).delete_file(file_id),
        FastdfsInfoServiceImpl(client).get_file_info(file_id),
        content_of(client, file_id),
        FastdfsMetadataServiceImpl(client).get_metadata(file_id),
        FastdfsMetadataServiceImpl(client).set_metadata(file_id, {"a": "b"}),
        FastdfsMetadataServiceImpl(client).set_metadata(file_id, {"a": "b"}, merge=True),
        FastdfsSlaveServiceImpl(client).upload_slave(file_id, "_big", "a.pdf", b"x"),
        client.query_file_info(file_id),
    ):
        with pytest.raises(FileNotFoundException) as caught:
            await call
        assert caught.value.file_id == file_id


async def test_ids_of_other_backends_are_refused(client: FastdfsClient) -> None:
    for call in (
        content_of(client, "s3:my-bucket/a"),
        FastdfsAppenderServiceImpl(client).append("s3:my-bucket/a", b"x"),
    ):
        with pytest.raises(RouteNotSupportedException):
            await call


async def test_metadata_are_replaced_merged_and_removed(client: FastdfsClient, file_id: str) -> None:
    metadata = FastdfsMetadataServiceImpl(client)
    assert await metadata.get_metadata(file_id) == {"author": "ada"}
    await metadata.set_metadata(file_id, {"année": "Größe ☃"})
    assert await metadata.get_metadata(file_id) == {"année": "Größe ☃"}
    await metadata.set_metadata(file_id, {"b": "c"}, merge=True)
    assert await metadata.get_metadata(file_id) == {"année": "Größe ☃", "b": "c"}
    await metadata.set_metadata(file_id, {})
    assert await metadata.get_metadata(file_id) == {}
    assert (await FastdfsInfoServiceImpl(client).get_file_info(file_id)).file_name == "report.pdf"
    await FastdfsDeleteServiceImpl(client).delete_file(file_id)


@pytest.mark.parametrize(
    "pairs", [{"x" * 65: "y"}, {"x": "y" * 257}, {"OriginFileName": "z"}, {"": "y"}, {"a": "\x01"}]
)
async def test_metadata_that_would_be_cut_or_garbled_are_refused(
    client: FastdfsClient, file_id: str, pairs: dict[str, str]
) -> None:
    with pytest.raises(InvalidArgumentException):
        await FastdfsMetadataServiceImpl(client).set_metadata(file_id, pairs, merge=True)
    assert await FastdfsMetadataServiceImpl(client).get_metadata(file_id) == {"author": "ada"}
    await FastdfsDeleteServiceImpl(client).delete_file(file_id)


async def test_an_appender_file_grows_changes_and_shrinks(client: FastdfsClient, appender: str) -> None:
    appenders = FastdfsAppenderServiceImpl(client)
    for change, expected in (
        (appenders.append(appender, b" world"), b"hello world"),
        (appenders.append(appender, b""), b"hello world"),
        (appenders.modify(appender, 0, b"HELLO"), b"HELLO world"),
        (appenders.modify(appender, 9, b"12345"), b"HELLO wor12345"),
        (appenders.modify(appender, 14, b"67"), b"HELLO wor1234567"),
        (appenders.modify(appender, 0, b""), b"HELLO wor1234567"),
        (appenders.truncate(appender, 5), b"HELLO"),
        (appenders.truncate(appender, 5), b"HELLO"),
        (appenders.truncate(appender, 7), b"HELLO\0\0"),
        (appenders.truncate(appender), b""),
    ):
        await change
        assert await content_of(client, appender) == expected
    await FastdfsDeleteServiceImpl(client).delete_file(appender)


async def test_an_appender_file_of_many_pieces_is_whole(client: FastdfsClient) -> None:
    appenders = FastdfsAppenderServiceImpl(client)
    pieces = [bytes([number]) * (1 << 20) for number in range(4)]
    file_id = (await appenders.create("large.bin")).file_id
    for piece in pieces:
        await appenders.append(file_id, piece)
    assert await content_of(client, file_id) == b"".join(pieces)
    assert (await client.query_file_info(file_id))["crc32"] == zlib.crc32(b"".join(pieces))
    await FastdfsDeleteServiceImpl(client).delete_file(file_id)


async def test_a_finished_file_has_size_and_checksum_in_its_id_and_keeps_its_name(
    client: FastdfsClient, appender: str
) -> None:
    appenders = FastdfsAppenderServiceImpl(client)
    await appenders.append(appender, b" world")
    finished = await appenders.finish(appender)
    info = await FastdfsInfoServiceImpl(client).get_file_info(finished)
    assert (info.file_name, info.file_size, info.metadata) == ("log.txt", 11, {"kind": "log"})
    assert info.checksum == f"crc32:{zlib.crc32(b'hello world'):08x}"
    with pytest.raises(FileNotFoundException):
        await content_of(client, appender)
    for change in (appenders.append(finished, b"x"), appenders.truncate(finished), appenders.finish(finished)):
        with pytest.raises(InvalidArgumentException, match="no appender file"):
            await change
    await FastdfsDeleteServiceImpl(client).delete_file(finished)


async def test_positions_that_cannot_be_are_refused(client: FastdfsClient, appender: str) -> None:
    appenders = FastdfsAppenderServiceImpl(client)
    for change in (
        appenders.modify(appender, 6, b"x"),
        appenders.modify(appender, -1, b"x"),
        appenders.truncate(appender, -1),
        appenders.truncate(appender, 1 << 63),
    ):
        with pytest.raises(InvalidArgumentException, match="position"):
            await change
    assert await content_of(client, appender) == b"hello"
    await FastdfsDeleteServiceImpl(client).delete_file(appender)


async def test_a_cancelled_append_adds_everything_or_nothing(client: FastdfsClient, appender: str) -> None:
    appenders = FastdfsAppenderServiceImpl(client)
    more = bytes(8 << 20)
    for turns in range(0, 30, 5):
        task = asyncio.create_task(appenders.append(appender, more))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        size = (await FastdfsInfoServiceImpl(client).get_file_info(appender)).file_size or 0
        assert (size - 5) % len(more) == 0
    assert (await content_of(client, appender))[:5] == b"hello"
    await FastdfsDeleteServiceImpl(client).delete_file(appender)


async def test_slave_files_live_beside_their_master(client: FastdfsClient, file_id: str) -> None:
    slaves = FastdfsSlaveServiceImpl(client)
    stem = file_id.removesuffix(".pdf")
    attach = await slaves.upload_slave(file_id, "_big", "preview.jpg", b"big picture", {"width": "800"})
    assert attach.file_id == f"{stem}_big.jpg"
    info = await FastdfsInfoServiceImpl(client).get_file_info(attach.file_id)
    assert (info.file_name, info.file_size, info.metadata) == ("preview.jpg", 11, {"width": "800"})
    assert await content_of(client, attach.file_id) == b"big picture"

    nested = await slaves.upload_slave(attach.file_id, "_small", "preview.png", b"")
    assert nested.file_id == f"{stem}_big_small.png"
    assert await content_of(client, nested.file_id) == b""

    await FastdfsDeleteServiceImpl(client).delete_file(file_id)
    assert await content_of(client, attach.file_id) == b"big picture"
    for slave in (attach, nested):
        await FastdfsDeleteServiceImpl(client).delete_file(slave.file_id)


async def test_a_slave_file_that_is_there_is_not_replaced(client: FastdfsClient, file_id: str) -> None:
    slaves = FastdfsSlaveServiceImpl(client)
    attach = await slaves.upload_slave(file_id, "-s", "a.jpg", b"first of some length")
    with pytest.raises(InvalidArgumentException, match="a slave of that name already"):
        await slaves.upload_slave(file_id, "-s", "b.jpg", b"second")
    assert await content_of(client, attach.file_id) == b"first of some length"
    for name in (attach.file_id, file_id):
        await FastdfsDeleteServiceImpl(client).delete_file(name)


@pytest.mark.parametrize("prefix", ["", "_" * 17, "a/b", "ä", "a b"])
async def test_a_prefix_that_cannot_be_is_refused(client: FastdfsClient, prefix: str) -> None:
    with pytest.raises(InvalidArgumentException, match="prefix"):
        await FastdfsSlaveServiceImpl(client).upload_slave("group1/M00/00/00/a.jpg", prefix, "a.jpg", b"x")


async def test_the_client_gives_what_it_gave(client: FastdfsClient, tmp_path: Path) -> None:
    stored = await client.upload_by_buffer(b"hello", "txt", {"a": "b"})
    file_id = stored["file_id"]
    assert stored == {
        "group_name": file_id.partition("/")[0],
        "file_id": file_id,
        "file_name": "",
        "file_size": "5B",
        "storage_ip": stored["storage_ip"],
    }
    assert file_id.endswith(".txt")
    assert stored["storage_ip"].startswith("127.")
    assert await client.get_meta_data(file_id) == {"OriginFileName": "file.txt", "a": "b"}
    described = await client.query_file_info(file_id)
    assert described.keys() == {"file_id", "file_size", "create_timestamp", "crc32", "source_ip"}
    assert (described["file_size"], described["crc32"]) == (5, zlib.crc32(b"hello"))
    assert described["source_ip"] == stored["storage_ip"]
    assert abs(described["create_timestamp"] - time.time()) < 3600

    local = tmp_path / "local copy.txt"
    assert (await client.download_to_file(str(local), file_id))["download_size"] == "5B"
    assert local.read_bytes() == b"hello"
    assert [chunk async for chunk in client.download_to_generator(file_id)] == [b"hello"]

    again = await client.upload_by_filename(str(local))
    assert again["file_name"] == str(local)
    assert (await client.get_meta_data(again["file_id"])) == {"OriginFileName": "local copy.txt"}
    form = await client.upload_by_upload_file(UploadFile(io.BytesIO(b"hello"), filename="f.txt"), {"c": "d"})
    await client.set_meta_data(form["file_id"], {"e": "f"}, merge=True)
    assert await client.get_meta_data(form["file_id"]) == {"OriginFileName": "f.txt", "c": "d", "e": "f"}
    with pytest.raises(InvalidArgumentException, match="256"):
        await client.set_meta_data(form["file_id"], {"e": "x" * 257})
    await client.set_meta_data(form["file_id"], {"g": "h"})
    assert await client.get_meta_data(form["file_id"]) == {"g": "h"}
    nameless = await client.upload_by_buffer(b"hello")
    assert await client.get_meta_data(nameless["file_id"]) == {"OriginFileName": "file"}
    for name in (file_id, again["file_id"], form["file_id"], nameless["file_id"]):
        assert (await client.delete_file(name))["file_id"] == name


async def test_every_change_is_reported_with_what_it_moved(config: FastdfsConfig) -> None:
    observer = Recorder()
    async with FastdfsClient(config, observer) as client:
        appenders, metadata = FastdfsAppenderServiceImpl(client), FastdfsMetadataServiceImpl(client)
        made = await appenders.create("log.txt", b"hello")
        assert made == FileAttach(
            file_id=made.file_id, file_name="log.txt", file_size=5, content_type="text/plain", checksum="crc32:3610a686"
        )
        await appenders.append(made.file_id, b" world")
        await appenders.modify(made.file_id, 0, b"H")
        await appenders.truncate(made.file_id, 5)
        await metadata.set_metadata(made.file_id, {"a": "b"}, merge=True)
        await metadata.get_metadata(made.file_id)
        await client.set_meta_data(made.file_id, {"a": "c"}, merge=True)
        await client.get_meta_data(made.file_id)
        slave = await FastdfsSlaveServiceImpl(client).upload_slave(made.file_id, "_s", "a.jpg", b"small")
        assert (slave.file_name, slave.file_size, slave.content_type) == ("a.jpg", 5, "image/jpeg")
        await FastdfsDeleteServiceImpl(client).delete_file(slave.file_id)
        finished = await appenders.finish(made.file_id)
        await FastdfsDeleteServiceImpl(client).delete_file(finished)
    ended = [(event.operation, event.file_id, event.size) for event in observer.of(OperationEnded)]
    assert ended == [
        ("upload", None, 5),
        ("append", made.file_id, 6),
        ("modify", made.file_id, 1),
        ("truncate", made.file_id, None),
        *[("metadata", made.file_id, None)] * 4,
        ("upload", made.file_id, 5),
        ("delete", slave.file_id, None),
        ("finish", made.file_id, None),
        ("delete", finished, None),
    ]
    assert {event.backend for event in observer.of(OperationEnded)} == {"fastdfs"}


async def test_a_client_can_be_opened_again(config: FastdfsConfig) -> None:
    client = FastdfsClient(config)
    appenders = FastdfsAppenderServiceImpl(client)
    for _ in range(2):
        async with client:
            file_id = (await appenders.create("a.txt", b"x")).file_id
            await FastdfsDeleteServiceImpl(client).delete_file(file_id)
        with pytest.raises(StorageOperationException, match="not open"):
            await appenders.append(file_id, b"y")
