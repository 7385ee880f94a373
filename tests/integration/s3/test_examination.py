"""`s3py doctor` on S3: each permission by itself, and rules that only some servers have."""

from collections.abc import AsyncIterator, Callable, Mapping

import pytest
from aiohttp import web

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.mount import mounted
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.application.diagnosis.diagnosis import DiagnosisService
from s3py_helper.application.locator import Locator
from s3py_helper.application.ports.examined import Examined, Verdict
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.routing import RoutingPolicy, StorageMode
from tests.support.recorder import Recorder
from tests.support.s3.inspector import inspector_of
from tests.support.s3.pretend_s3 import Act, PretendS3, Seen, pretend_s3, saying
from tests.support.s3.scripted import error
from tests.support.s3.server import DEFAULT_BUCKET, S3Server

pytestmark = pytest.mark.timeout(60)

type Which = Callable[[Seen], bool]

PERMISSIONS: Mapping[str, Which] = {
    "s3:ListBucket": lambda seen: seen.path.count("/") == 1 and (seen.method == "HEAD" or "list-type" in seen.query),
    "s3:PutObject": lambda seen: seen.method == "PUT" and "uploadId" not in seen.query,
    "s3:PutObject (multipart)": lambda seen: seen.method == "POST" and "uploads" in seen.query,
    "s3:GetObject (GET)": lambda seen: seen.method == "GET" and seen.path.count("/") > 1 and not seen.query,
    "s3:GetObject (HEAD)": lambda seen: seen.method in {"HEAD", "GET"} and seen.path.count("/") > 1 and not seen.query,
    "s3:ListMultipartUploadParts": lambda seen: seen.method == "GET" and "uploadId" in seen.query,
    "s3:ListBucketMultipartUploads": lambda seen: seen.method == "GET" and "uploads" in seen.query,
    "s3:AbortMultipartUpload": lambda seen: seen.method == "DELETE" and "uploadId" in seen.query,
    "s3:DeleteObject": lambda seen: seen.method == "DELETE" and not seen.query,
}
LIFECYCLE = "uploads that nobody ended are removed"
PART_SIZES = "parts of several sizes in one upload"


@pytest.fixture
async def s3() -> AsyncIterator[PretendS3]:
    async with pretend_s3() as server:
        yield server


def _always(s3: PretendS3, which: Which, act: Act) -> None:
    s3.plan(act, which, times=1000)


async def _examined(server: S3Server, *folders: str) -> dict[str, Examined]:
    config = server.config(perf=S3PerfConfig(max_retries=0))
    policy = RoutingPolicy(StorageMode.S3, buckets=frozenset({DEFAULT_BUCKET}), folders=folders or None)
    async with S3Session(config, Recorder()) as session:
        found = await DiagnosisService(Locator(policy, {Backend.S3: mounted(session)})).examine()
    return {each.ability: each for each in found}


def _of(found: Mapping[str, Examined]) -> dict[str, Verdict]:
    return {ability: found[ability].verdict for ability in PERMISSIONS}


async def test_a_real_server_permits_everything_and_is_left_as_it_was(seaweedfs: S3Server) -> None:
    inspector = inspector_of(seaweedfs)
    before = await inspector.keys()
    found = await _examined(seaweedfs)
    assert set(_of(found).values()) == {Verdict.WORKS}, found
    assert found[PART_SIZES].verdict is Verdict.WORKS
    assert (found[LIFECYCLE].verdict, found[LIFECYCLE].mend) == (Verdict.WARNING, "docs/backends/s3.md has the rule")
    assert await inspector.keys() == before
    assert await inspector.unfinished_uploads() == []


@pytest.mark.parametrize("denied", PERMISSIONS)
async def test_a_permission_that_is_missing_is_named_and_the_others_are_tried(s3: PretendS3, denied: str) -> None:
    _always(s3, PERMISSIONS[denied], saying(lambda: error(403, "AccessDenied", "not for you")))
    found = await _examined(s3.server)
    refused = {ability for ability, verdict in _of(found).items() if verdict is Verdict.FAILS}
    # GET is what HEAD asks with for the reason of a refusal.
    together = {"s3:GetObject (GET)", "s3:GetObject (HEAD)"} if denied == "s3:GetObject (HEAD)" else {denied}
    assert refused == together
    assert found["reached"].verdict is Verdict.WORKS
    if denied != "s3:DeleteObject":
        assert not s3.objects
    if denied != "s3:AbortMultipartUpload":
        assert not s3.uploads


async def test_reading_cannot_be_told_where_nothing_may_be_stored_or_listed(s3: PretendS3) -> None:
    for denied in ("s3:PutObject", "s3:ListBucket"):
        _always(s3, PERMISSIONS[denied], saying(lambda: error(403, "AccessDenied")))
    found = await _examined(s3.server)
    assert found["s3:GetObject (GET)"].verdict is found["s3:GetObject (HEAD)"].verdict is Verdict.WARNING


async def test_keys_that_permit_nothing_are_one_finding(s3: PretendS3) -> None:
    _always(s3, lambda _: True, saying(lambda: error(403, "InvalidAccessKeyId")))
    found = await _examined(s3.server)
    assert {ability: each.verdict for ability, each in found.items()} == {"reached": Verdict.FAILS}


async def test_a_server_whose_parts_have_one_size_is_found(s3: PretendS3) -> None:
    async def complete(server: PretendS3, seen: Seen) -> web.StreamResponse:
        parts = server.uploads[seen.query["uploadId"]][2]
        sizes = {len(part) for number, part in parts.items() if number < max(parts)}
        if len(sizes) > 1:
            return error(400, "InvalidPart", "All non-trailing parts must have the same length.")
        return await server.obey(seen)

    _always(s3, lambda seen: seen.method == "POST" and "uploadId" in seen.query, complete)
    found = await _examined(s3.server)
    assert found[PART_SIZES].verdict is Verdict.LACKS
    assert "declare the size" in found[PART_SIZES].mend
    assert found["upload of unknown size, in parts where it has them"].verdict is Verdict.WORKS
    assert not s3.uploads


RULE = (
    "<LifecycleConfiguration><Rule><Status>{}</Status><AbortIncompleteMultipartUpload><DaysAfterInitiation>{}"
    "</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule><Rule><Status>Enabled</Status><Expiration>"
    "<Days>1</Days></Expiration></Rule></LifecycleConfiguration>"
)


@pytest.mark.parametrize(
    ("response", "verdict", "says"),
    [
        (lambda: web.Response(text=RULE.format("Enabled", 2)), Verdict.WORKS, "after 2 days"),
        (lambda: web.Response(text=RULE.format("Disabled", 2)), Verdict.WARNING, "no rule"),
        (lambda: error(404, "NoSuchLifecycleConfiguration"), Verdict.WARNING, "no rule"),
        (lambda: error(403, "AccessDenied"), Verdict.LACKS, "s3:GetLifecycleConfiguration"),
        (lambda: error(501, "NotImplemented"), Verdict.LACKS, "the server does not say"),
        (lambda: error(503, "SlowDown"), Verdict.FAILS, "SlowDown"),
    ],
)
async def test_the_rule_for_unfinished_uploads_is_looked_for(
    s3: PretendS3, response: Callable[[], web.StreamResponse], verdict: Verdict, says: str
) -> None:
    _always(s3, lambda seen: "lifecycle" in seen.query, saying(response))
    found = (await _examined(s3.server))[LIFECYCLE]
    assert found.verdict is verdict
    assert says in found.says


async def test_nothing_is_tried_outside_of_the_folders_that_are_served(s3: PretendS3) -> None:
    await _examined(s3.server, "mine/", "yours/")
    keys = [seen.path.removeprefix(f"/{DEFAULT_BUCKET}/") for seen in s3.requests if seen.path.count("/") > 1]
    assert keys
    assert {key.partition("/")[0] for key in keys} == {"mine"}
