"""Links and listings ask for exactly what their caller does, wherever the file is."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from s3py_helper.application.info import InfoService
from s3py_helper.application.links import LinkService
from s3py_helper.application.listing import ListService
from s3py_helper.application.locator import Locator, Purpose
from s3py_helper.application.service_links import ReadGrant, ServiceLinks, WriteGrant
from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.errors import (
    FileNotFoundException,
    InvalidArgumentException,
    InvalidFileTypeException,
    RouteNotSupportedException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.file_type import FileTypeConfig
from s3py_helper.domain.routing import RoutingPolicy, StorageMode
from s3py_helper.domain.signed_link import LinkKey, LinkKeys
from s3py_helper.domain.validation import FileValidatorImpl
from s3py_helper.testing import body_of
from tests.unit.application.conftest import Deployment
from tests.unit.application.watched import Signer

WHERE: dict[str, Any] = {"folder": "a/b", "bucket": "other-bucket", "metadata": {"author": "Zoë"}}


async def test_a_listing_asks_for_the_prefix_in_the_bucket(deployment: Deployment, able: Locator) -> None:
    for key in ("a/1", "a/2", "a/3", "b/1"):
        await deployment.kept_in_s3.write(NewBlob(key, key, "other-bucket"), body_of(b"x"))
    files = ListService(able)
    listed = [info.file_id async for info in files.list_files("a/", "other-bucket")]
    assert listed == ["s3:other-bucket/a/1", "s3:other-bucket/a/2", "s3:other-bucket/a/3"]
    page = await files.list_page("a/", "other-bucket", limit=2)
    assert deployment.s3.held == 0, "closed at once, not when it is collected"
    assert [info.file_id for info in page.files] == listed[:2]
    rest = await files.list_page("a/", "other-bucket", cursor=page.cursor)
    assert [info.file_id for info in rest.files] == listed[2:]
    assert rest.cursor is None
    assert deployment.s3.listed == [("a/", "other-bucket", "")] * 2 + [("a/", "other-bucket", "a/2")]


@pytest.mark.parametrize(
    ("prefix", "bucket", "error"),
    [
        ("", "another", RouteNotSupportedException),
        ("out/", "my-bucket", RouteNotSupportedException),
        ("in/", "No Bucket", InvalidArgumentException),
    ],
)
async def test_what_is_not_served_is_not_listed(
    deployment: Deployment, able: Locator, prefix: str, bucket: str, error: type[Exception]
) -> None:
    policy = RoutingPolicy(StorageMode.S3, buckets={"my-bucket"}, folders=("in/",))
    files = ListService(Locator(policy, able.backends))
    with pytest.raises(error):
        await anext(files.list_files(prefix, bucket))
    with pytest.raises(error):
        await files.list_page(prefix, bucket)
    assert deployment.s3.listed == []
    assert (await files.list_page("in/", "my-bucket")).files == []
    assert deployment.s3.listed == [("in/", "my-bucket", "")]


async def test_a_listing_is_over_both_ways_to_write_a_prefix_and_goes_on_in_the_right_one(
    deployment: Deployment, able: Locator
) -> None:
    keys = ["my files/1", "my files/2", "my~20files/1", "my~20files/2"]
    for key in keys:
        await deployment.kept_in_s3.write(NewBlob(key, "x"), body_of(b"x"))
    files, seen, cursor = ListService(able), list[str](), None
    while True:
        page = await files.list_page("my files/", limit=1, cursor=cursor)
        seen += [info.file_id.removeprefix("s3:my-bucket/") for info in page.files]
        if (cursor := page.cursor) is None:
            break
    assert seen == keys


async def test_a_link_for_a_download_passes_on_how_to_present_the_file(able: Locator, signer: Signer) -> None:
    links, file_id = LinkService(able), FileId(Backend.S3, "my-bucket", "a")
    presented: dict[str, Any] = {"file_name": "a.pdf", "content_type": "x/y", "inline": True}
    await links.download_link("s3:my-bucket/a", timedelta(minutes=5), **presented)
    await links.download_link("s3:my-bucket/a")
    assert signer.downloads == [
        (file_id, timedelta(minutes=5), presented),
        (file_id, timedelta(hours=1), {"file_name": None, "content_type": None, "inline": False}),
    ]


async def test_a_link_for_an_upload_passes_on_all_that_an_upload_would(able: Locator, signer: Signer) -> None:
    links = LinkService(able)
    link = await links.upload_link("a.pdf", timedelta(minutes=5), **WHERE, content_type="text/x-own")
    await links.upload_link("a.pdf")
    [(blob, lifetime), (plain, usual)] = signer.uploads
    assert (lifetime, usual) == (timedelta(minutes=5), timedelta(hours=1))
    assert blob == NewBlob(blob.key, "a.pdf", "other-bucket", "text/x-own", None, WHERE["metadata"])
    assert blob.key.startswith("a/b/")
    assert plain == NewBlob(plain.key, "a.pdf", None, "application/pdf", None, {})
    assert link.file_id == f"s3:other-bucket/{blob.key}"


async def test_a_link_to_the_service_carries_its_grant_to_the_other_end(able: Locator) -> None:
    service_links = ServiceLinks(LinkKeys([LinkKey("first", "k" * 32)]), "http://127.0.0.1/")
    links = LinkService(able, service_links=service_links)

    def query(url: str, subject: str) -> str:
        front, _, rest = url.partition("?")
        assert front == f"http://127.0.0.1/signed/{subject}"
        return rest

    url = await links.service_link("s3:my-bucket/a", file_name="a.pdf", content_type="x/y", inline=True)
    grant = service_links.read_grant("s3:my-bucket/a", query(url, "s3:my-bucket/a"))
    assert grant == ReadGrant("a.pdf", "x/y", inline=True)
    url = await links.service_link("s3:my-bucket/a")
    assert service_links.read_grant("s3:my-bucket/a", query(url, "s3:my-bucket/a")) == ReadGrant()
    for most in (5, 0):
        url = links.service_upload_link("a.pdf", folder="a", bucket="my-bucket", content_type="x/y", max_size=most)
        assert service_links.write_grant("a.pdf", query(url, "a.pdf")) == WriteGrant("a", "my-bucket", "x/y", most)
    assert service_links.write_grant("a.pdf", query(links.service_upload_link("a.pdf"), "a.pdf")) == WriteGrant()


async def test_a_link_to_the_service_works_for_as_long_as_is_asked_for(able: Locator) -> None:
    lifetimes: list[timedelta] = []

    class Noting(ServiceLinks):
        def read_link(self, file_id: str, expires_in: timedelta, grant: ReadGrant) -> str:
            lifetimes.append(expires_in)
            return super().read_link(file_id, expires_in, grant)

        def write_link(self, file_name: str, expires_in: timedelta, grant: WriteGrant) -> str:
            lifetimes.append(expires_in)
            return super().write_link(file_name, expires_in, grant)

    links = LinkService(able, service_links=Noting(LinkKeys([LinkKey("first", "k" * 32)])))
    await links.service_link("s3:my-bucket/a")
    links.service_upload_link("a.pdf")
    await links.service_link("s3:my-bucket/a", timedelta(minutes=5))
    links.service_upload_link("a.pdf", timedelta(minutes=5))
    assert lifetimes == [timedelta(hours=1)] * 2 + [timedelta(minutes=5)] * 2


async def test_a_listing_leaves_out_what_is_no_file_of_its_own(deployment: Deployment, able: Locator) -> None:
    class Hiding(Everywhere):
        def known_as(self, file_id: FileId) -> FileId | None:
            return None if file_id.key == "b" else file_id

    for key in ("a", "b", "c"):
        await deployment.kept_in_s3.write(NewBlob(key, key), body_of(b"x"))
    files = ListService(Locator(able.policy, able.backends, relocation=Hiding()))
    assert [info.file_id async for info in files.list_files()] == ["s3:my-bucket/a", "s3:my-bucket/c"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"file_name": "a/b.pdf"}, InvalidArgumentException),
        ({"file_name": "a.exe"}, InvalidFileTypeException),
        ({"folder": "../up"}, InvalidArgumentException),
        ({"folder": "out"}, RouteNotSupportedException),
        ({"bucket": "another"}, RouteNotSupportedException),
        ({"content_type": "x\r\ny"}, InvalidArgumentException),
        ({"max_size": -1}, InvalidArgumentException),
        ({"max_size": "5"}, InvalidArgumentException),
    ],
)
async def test_no_link_to_the_service_is_made_for_what_it_would_refuse(
    able: Locator, arguments: dict[str, Any], error: type[Exception]
) -> None:
    policy = RoutingPolicy(StorageMode.S3, buckets={"my-bucket"}, folders=("in/",))
    rules = FileValidatorImpl(FileTypeConfig(blacklist=["exe"]))
    keys = LinkKeys([LinkKey("first", "k" * 32)])
    links = LinkService(Locator(policy, able.backends), rules, ServiceLinks(keys))
    assert links.service_upload_link("a.pdf", folder="in")
    with pytest.raises(error):
        links.service_upload_link(**{"file_name": "a.pdf", "folder": "in", **arguments})


async def test_a_link_that_is_not_set_up_is_refused_with_its_file(able: Locator) -> None:
    links = LinkService(able)
    with pytest.raises(RouteNotSupportedException) as refused:
        await links.fastdfs_link("group1/M00/00/00/a.pdf")
    assert (refused.value.operation, refused.value.file_id) == ("link", "group1/M00/00/00/a.pdf")
    with pytest.raises(InvalidArgumentException, match="need keys"):
        await links.service_link("s3:my-bucket/a")
    with pytest.raises(InvalidArgumentException, match="need keys"):
        links.service_upload_link("a.pdf")


class TestPlaces:
    """A file that may be in one of several places is looked for in all of them, in their order."""

    @pytest.fixture
    def locator(self, able: Locator, signer: Signer) -> Locator:
        backends = dict(able.backends)
        backends[Backend.FASTDFS] = replace(backends[Backend.FASTDFS], presigning=Missing())
        return Locator(able.policy, backends, relocation=Everywhere())

    async def test_a_link_leads_to_where_it_is(self, locator: Locator, signer: Signer) -> None:
        await LinkService(locator).download_link(
            "group1/M00/00/00/a.pdf", file_name="a", content_type="x/y", inline=True
        )
        presented = {"file_name": "a", "content_type": "x/y", "inline": True}
        await LinkService(locator).download_link("s3:my-bucket/first", file_name="a", content_type="x/y", inline=True)
        assert signer.downloads == [
            (FileId(Backend.S3, "my-bucket", key), timedelta(hours=1), presented) for key in ("third", "first")
        ]

    async def test_what_has_it_is_told_and_what_is_out_of_reach_is_not_passed_over(
        self, deployment: Deployment, locator: Locator
    ) -> None:
        infos = InfoService(locator)
        with pytest.raises(FileNotFoundException) as missing:
            await infos.find_backend("group1/M00/00/00/a.pdf")
        assert missing.value.operation == "info"
        await deployment.kept_in_s3.write(NewBlob("third", "a.pdf"), body_of(b"abc"))
        assert await infos.find_backend("group1/M00/00/00/a.pdf") == "s3"
        located = await locator.find("group1/M00/00/00/a.pdf", Purpose.READ)
        assert (await located.info()).size == 3
        async with located.open() as blob:
            assert str(blob.info.file_id) == "group1/M00/00/00/a.pdf"
            assert b"".join([chunk async for chunk in blob.body]) == b"abc"
        deployment.fastdfs.fail("info", StorageUnavailableException("down"))
        with pytest.raises(StorageUnavailableException):
            await infos.find_backend("group1/M00/00/00/a.pdf")


class Missing:
    """Looks before it signs, and never finds anything."""

    async def download_url(self, file_id: FileId, expires_in: timedelta, **presented: object) -> str:
        raise FileNotFoundException(f"there is no {file_id}")

    async def upload_url(self, blob: NewBlob, expires_in: timedelta) -> Any:
        raise AssertionError(f"asked for {blob.key}")


class Everywhere:
    """Each file may be in one of three places."""

    async def places(self, file_id: FileId) -> tuple[FileId, ...]:
        second = FileId(Backend.FASTDFS, "group2", "M00/00/00/second.pdf")
        return file_id, second, FileId(Backend.S3, "my-bucket", "third")

    def known_as(self, file_id: FileId) -> FileId | None:
        return file_id

    async def delete(self, file_id: FileId, delete_at: Callable[[FileId], Awaitable[None]]) -> None:
        await delete_at(file_id)
