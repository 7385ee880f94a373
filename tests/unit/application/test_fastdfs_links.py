"""Links that FastDFS' nginx module would serve, made for people."""

from datetime import timedelta
from time import time
from urllib.parse import parse_qs, urlsplit

import pytest

from s3py_helper.application.fastdfs_links import FastdfsLinkRules
from s3py_helper.application.links import LinkService
from s3py_helper.application.locator import Locator
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.domain.errors import FileNotFoundException, InvalidArgumentException, RouteNotSupportedException
from s3py_helper.domain.fastdfs_link import LinkPath, LinkQuery
from s3py_helper.domain.fastdfs_token import TokenVerdict, check_fastdfs_token, fastdfs_token
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.routing import RoutingPolicy, StorageMode
from tests.unit.application.conftest import Deployment

SECRET = "FastDFS1234567890"
NAME = "M00/00/00/fwAFA2sHTw6ASkvmAAADhM27pd8047.jpg"
FILE_ID = f"group1/{NAME}"


@pytest.fixture
def locator(deployment: Deployment) -> Locator:
    backend = MountedBackend(deployment.fastdfs, deployment.fastdfs)
    s3 = MountedBackend(deployment.s3, deployment.s3)
    return Locator(RoutingPolicy(StorageMode.HYBRID), {Backend.FASTDFS: backend, Backend.S3: s3})


def _verdict(link: str, now: float) -> TokenVerdict:
    query = parse_qs(urlsplit(link).query)
    [token], [moment] = query["token"], query["ts"]
    return check_fastdfs_token(NAME, SECRET, token, moment, ttl=900, now=now)


async def test_a_link_works_for_as_long_as_it_was_made_for(locator: Locator) -> None:
    service = LinkService(locator, fastdfs_links=FastdfsLinkRules(SECRET))
    link = await service.fastdfs_link(FILE_ID, timedelta(days=30))
    assert link.startswith(f"/{FILE_ID}?token=")
    thirty_days = 30 * 86_400
    assert _verdict(link, time() + thirty_days - 60) is TokenVerdict.VALID
    assert _verdict(link, time() + thirty_days + 60) is TokenVerdict.WRONG
    assert _verdict(await service.fastdfs_link(FILE_ID, None), time() + 10**9) is TokenVerdict.VALID


@pytest.mark.parametrize(("age", "expected"), [(60, TokenVerdict.VALID), (61, TokenVerdict.WRONG)])
def test_a_token_is_judged_by_the_deployment_s_secret_and_time(age: int, expected: TokenVerdict) -> None:
    path = LinkPath("group1", NAME)
    query = LinkQuery(token=fastdfs_token(NAME, SECRET, 1_700_000_000), ts="1700000000")
    now = 1_700_000_000 + age
    assert FastdfsLinkRules(SECRET, ttl=60).verdict_on(path, query, now) is expected
    assert FastdfsLinkRules("another secret", ttl=60).verdict_on(path, query, now) is TokenVerdict.WRONG
    assert FastdfsLinkRules(ttl=60).verdict_on(path, query, now) is TokenVerdict.VALID


@pytest.mark.parametrize(
    ("rules", "with_group", "without"),
    [
        (FastdfsLinkRules(default_group="group9"), FILE_ID, f"group9/{NAME}"),
        (FastdfsLinkRules(default_group="group9", strict=True), FILE_ID, None),
        (FastdfsLinkRules(group_in_path=False, default_group="group9"), FILE_ID, f"group9/{NAME}"),
        (FastdfsLinkRules(group_in_path=False, default_group="group9", strict=True), None, f"group9/{NAME}"),
    ],
)
def test_paths_of_the_other_form_are_taken_unless_they_may_not_be(
    rules: FastdfsLinkRules, with_group: str | None, without: str | None
) -> None:
    for group, file_id in (("group1", with_group), (None, without)):
        if file_id is not None:
            assert rules.file_id_of(LinkPath(group, NAME)) == file_id
            continue
        begins = "begins" if rules.group_in_path else "does not begin"
        with pytest.raises(InvalidArgumentException, match=f"a link {begins} with the group") as refused:
            rules.file_id_of(LinkPath(group, NAME))
        assert refused.value.operation == "download"


async def test_a_link_has_the_form_that_is_configured(locator: Locator) -> None:
    service = LinkService(locator, fastdfs_links=FastdfsLinkRules(group_in_path=False, default_group="group1"))
    assert await service.fastdfs_link(FILE_ID, None, file_name="a b.jpg") == f"/{NAME}?filename=a%20b.jpg"
    with pytest.raises(InvalidArgumentException, match="mean group1"):
        await service.fastdfs_link(f"group2/{NAME}", None)


@pytest.mark.parametrize(
    ("file_id", "expires_in", "error", "told"),
    [
        ("s3:my-bucket/a.jpg", None, InvalidArgumentException, "for its ids only"),
        ("group1/M00/00/00/short.jpg", None, InvalidArgumentException, "not a link"),
        (f"{FILE_ID}-m", None, FileNotFoundException, "no such file"),
        (FILE_ID, timedelta(0), InvalidArgumentException, "1 second or more"),
        (FILE_ID, 60, InvalidArgumentException, "timedelta"),
    ],
)
async def test_no_link_is_made_that_could_not_work(
    locator: Locator, file_id: str, expires_in: timedelta | None, error: type[Exception], told: str
) -> None:
    service = LinkService(locator, fastdfs_links=FastdfsLinkRules(SECRET))
    with pytest.raises(error, match=told) as refused:
        await service.fastdfs_link(file_id, expires_in)
    if told == "for its ids only":
        assert isinstance(refused.value, InvalidArgumentException)
        assert refused.value.operation == "link"


async def test_the_name_in_a_link_is_text(locator: Locator) -> None:
    service = LinkService(locator, fastdfs_links=FastdfsLinkRules(SECRET))
    with pytest.raises(InvalidArgumentException, match="a file name is text"):
        await service.fastdfs_link(FILE_ID, file_name=b"a.jpg")  # type: ignore[arg-type]  # what is tested


async def test_a_link_without_a_token_does_not_expire(locator: Locator) -> None:
    with pytest.raises(InvalidArgumentException, match="never expire"):
        await LinkService(locator, fastdfs_links=FastdfsLinkRules()).fastdfs_link(FILE_ID)


async def test_links_have_to_be_set_up(locator: Locator) -> None:
    with pytest.raises(RouteNotSupportedException, match="FastdfsLinksConfig"):
        await LinkService(locator).fastdfs_link(FILE_ID)


def test_the_secret_is_not_shown() -> None:
    assert SECRET not in repr(FastdfsLinkRules(SECRET))
