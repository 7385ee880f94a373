"""A deployment is tried as its users would, whatever fails, and nothing stays of it."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

import pytest

from s3py_helper.application.diagnosis.diagnosis import DiagnosisService
from s3py_helper.application.diagnosis.round_trip import RoundTrip
from s3py_helper.application.locator import Locator
from s3py_helper.application.migration import preflight
from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.application.ports.examined import Examination, Examined, Verdict
from s3py_helper.application.ports.observer import RollbackFailed
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import AccessDeniedException, StorageException, StorageUnavailableException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.routing import RoutingPolicy, StorageMode
from s3py_helper.testing import body_of
from tests.support.migration.in_memory import ABLE, MemorySource, MemoryTarget
from tests.support.recorder import Recorder
from tests.unit.application.conftest import Deployment
from tests.unit.application.watched import Signer, WatchedStore

W, LACKS, FAILS = Verdict.WORKS, Verdict.LACKS, Verdict.FAILS

type Seen = tuple[str, str, Verdict, str]

DESCRIPTION = ("names in any script", "metadata in any script", "checksums", "clocks")
LARGE = "upload of unknown size, in parts where it has them"


def all_well(*, copy: str = "by itself") -> list[Seen]:
    s3 = [
        ("reached", ""),
        ("upload", ""),
        ("description", ""),
        *((each, "") for each in DESCRIPTION),
        ("download", ""),
        ("ranges", ""),
        ("listing", ""),
        ("copy", copy),
        ("links", "can be signed"),
        (LARGE, "9 MiB"),
        ("delete", ""),
    ]
    return [*(("s3", ability, W, says) for ability, says in s3), ("fastdfs", "reached", W, "")]


def seen(found: Sequence[Examined]) -> list[Seen]:
    return [(each.backend, each.ability, each.verdict, each.says) for each in found]


@pytest.fixture
async def empty_again(deployment: Deployment) -> AsyncIterator[None]:
    yield
    assert deployment.kept_in_s3.file_ids == ()
    assert deployment.kept_in_fastdfs.file_ids == ()


@pytest.mark.usefixtures("empty_again")
async def test_everything_is_tried_where_new_files_go(deployment: Deployment, able: Locator) -> None:
    assert seen(await DiagnosisService(able).examine()) == all_well()
    assert deployment.fastdfs.calls == {"check": 1}
    assert (len(deployment.s3.written), len(deployment.s3.copied)) == (2, 1)
    assert [blob.size for blob in deployment.s3.written] == [70_000, None]


@pytest.mark.usefixtures("empty_again")
async def test_what_a_backend_cannot_do_is_said_and_is_no_failure(able: Locator) -> None:
    bare = replace(able.backends[Backend.S3], listing=None, presigning=None, copying=None)
    found = seen(await DiagnosisService(Locator(able.policy, {**able.backends, Backend.S3: bare})).examine())
    lacks = "its kind of storage cannot do it"
    expected = all_well(copy="through this process")
    for ability in ("listing", "links"):
        [at] = [index for index, each in enumerate(expected) if each[1] == ability]
        expected[at] = ("s3", ability, LACKS, lacks)
    assert found == expected


@pytest.mark.usefixtures("empty_again")
@pytest.mark.parametrize(
    ("stage", "fails"),
    [
        ("info", ["description"]),
        ("open", ["download"]),
        ("read", ["download"]),
        ("list", ["listing"]),
        ("copy", ["copy"]),
    ],
)
async def test_what_fails_is_told_with_its_error_and_the_rest_is_tried_all_the_same(
    deployment: Deployment, able: Locator, stage: Literal["info", "open", "read", "list", "copy"], fails: list[str]
) -> None:
    error = StorageUnavailableException("down")
    deployment.s3.fail(stage, error)
    found = await DiagnosisService(able).examine()
    without = set(DESCRIPTION) if stage == "info" else set()
    expected = [each for each in all_well() if each[1] not in without]
    assert seen(found) == [
        (backend, ability, FAILS, "down") if ability in fails else (backend, ability, verdict, says)
        for backend, ability, verdict, says in expected
    ]
    assert [each.error for each in found if each.verdict is FAILS] == [error]


async def test_links_that_cannot_be_signed_are_told(
    able: Locator, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: object, **__: object) -> str:
        raise StorageUnavailableException("there are no credentials")

    monkeypatch.setattr(signer, "download_url", refused)
    found = await DiagnosisService(able).examine()
    assert [(each.ability, each.says) for each in found if each.verdict is FAILS] == [
        ("links", "there are no credentials")
    ]


def test_a_defect_is_no_finding() -> None:
    examination = Examination("s3")
    with pytest.raises(KeyError), examination.trying("upload"):
        raise KeyError
    assert examination.found == []


@pytest.mark.usefixtures("empty_again")
async def test_nothing_further_is_tried_where_nothing_can_be_stored(deployment: Deployment, able: Locator) -> None:
    deployment.s3.fail("write", StorageUnavailableException("full"))
    assert seen(await DiagnosisService(able).examine()) == [
        ("s3", "reached", W, ""),
        ("s3", "upload", FAILS, "full"),
        ("fastdfs", "reached", W, ""),
    ]
    assert deployment.s3.calls == {"check": 1, "write": 1}


@pytest.mark.usefixtures("empty_again")
async def test_only_folders_that_are_served_are_written_to(deployment: Deployment, able: Locator) -> None:
    policy = RoutingPolicy(StorageMode.S3, folders=("in/", "out/"))
    locator = Locator(policy, {Backend.S3: able.backends[Backend.S3]}, observer=able.observer)
    found = await DiagnosisService(locator).examine()
    assert {each.verdict for each in found} == {W}
    keys = [blob.key for blob in deployment.s3.written] + [target.key for _, target in deployment.s3.copied]
    assert len(keys) == 3
    assert all(key.startswith("in/") for key in keys)


async def test_a_file_that_cannot_be_deleted_is_found_out(deployment: Deployment, able: Locator) -> None:
    observer = Recorder()
    deployment.s3.fail("delete", StorageUnavailableException("down"))
    found = await DiagnosisService(Locator(able.policy, able.backends, observer=observer)).examine()
    [failed] = [each for each in found if each.verdict is FAILS]
    [left] = deployment.kept_in_s3.file_ids
    assert (failed.ability, failed.says) == ("delete", f"{left} is still there")
    assert len(observer.of(RollbackFailed)) == 1


class Examining:
    """Tries its permissions by itself."""

    def __init__(self, *verdicts: Verdict) -> None:
        self.prefixes: list[str] = []
        self.found = [Examined("s3", f"permission {number}", verdict) for number, verdict in enumerate(verdicts)]

    async def examine(self, prefix: str) -> Sequence[Examined]:
        self.prefixes.append(prefix)
        return self.found


@pytest.mark.parametrize(
    ("error", "verdicts", "goes_on", "asked"),
    [
        (None, (W, FAILS), True, True),
        (AccessDeniedException("denied"), (FAILS, W), True, True),
        (AccessDeniedException("denied"), (FAILS, LACKS), False, True),
        (AccessDeniedException("denied"), (), False, True),
        (StorageUnavailableException("down"), (W,), False, False),
    ],
)
async def test_a_backend_that_is_out_of_reach_is_tried_only_where_it_merely_denies_the_check(
    deployment: Deployment,
    able: Locator,
    error: StorageException | None,
    verdicts: tuple[Verdict, ...],
    goes_on: bool,
    asked: bool,
) -> None:
    own = Examining(*verdicts)
    examining = replace(able.backends[Backend.S3], examination=own)
    backends = {**able.backends, Backend.S3: examining}
    if error is not None:
        deployment.s3.fail("check", error)
    found = await DiagnosisService(Locator(able.policy, backends)).examine()
    of_s3 = [each for each in found if each.backend == "s3"]
    assert own.prefixes == ([""] if asked else [])
    if goes_on:
        assert seen(of_s3) == [all_well()[0], *seen(own.found), *all_well()[1:-1]]
    else:
        assert seen(of_s3) == [("s3", "reached", FAILS, str(error))]
        assert of_s3[0].error is error
    assert seen(found)[-1] == ("fastdfs", "reached", W, "")


@pytest.mark.parametrize("folders", [None, ("in/", "out/")])
async def test_what_a_migration_needs_of_its_target_is_tried_where_the_file_was(
    able: Locator, folders: tuple[str, ...] | None
) -> None:
    target, buckets = MemoryTarget(), list[str]()

    def target_of(bucket: str) -> MemoryTarget:
        buckets.append(bucket)
        return target

    s3 = replace(able.backends[Backend.S3], migration_target=target_of)
    policy = RoutingPolicy(StorageMode.S3, folders=folders)
    verdicts = dict[str, list[Verdict]]()
    weak = replace(ABLE, checks_crc32=False, checks_whole=False, refuses_overwriting=False, shows_missing=False)
    for target.abilities in (ABLE, weak):
        for each in (await DiagnosisService(Locator(policy, {Backend.S3: s3})).examine())[-4:]:
            verdicts.setdefault(each.ability, []).append(each.verdict)
    assert verdicts == {
        "a wrong CRC-32 is refused": [W, LACKS],
        "the CRC-32 of a whole upload in parts is compared": [W, LACKS],
        "conditional writes": [W, LACKS],
        "a missing file is told from a refusal": [W, Verdict.WARNING],
    }
    assert buckets == ["my-bucket"] * 2
    assert target.done == ["probed in/" if folders else "probed "] * 2
    for error in (AccessDeniedException("denied"), StorageUnavailableException("denied")):
        target.refuses = error
        last = (await DiagnosisService(Locator(policy, {Backend.S3: s3})).examine())[-1]
        assert last == Examined("s3", "conditional writes", FAILS, "denied", error=error)


@pytest.mark.parametrize(
    ("lacking", "ability"),
    [
        ("checks_crc32", "a wrong CRC-32 is refused"),
        ("checks_whole", "the CRC-32 of a whole upload in parts is compared"),
        ("refuses_overwriting", "conditional writes"),
        ("shows_missing", "a missing file is told from a refusal"),
    ],
)
async def test_each_thing_that_a_target_lacks_is_told_by_its_name(able: Locator, lacking: str, ability: str) -> None:
    target = MemoryTarget()
    target.abilities = replace(ABLE, **{lacking: False})
    s3 = replace(able.backends[Backend.S3], migration_target=lambda _bucket: target)
    found = await DiagnosisService(Locator(RoutingPolicy(StorageMode.S3), {Backend.S3: s3})).examine()
    assert [each.ability for each in found if each.verdict is not W] == [ability]


async def test_nothing_is_asked_of_a_target_where_nothing_can_be_stored(deployment: Deployment, able: Locator) -> None:
    target = MemoryTarget()
    s3 = replace(able.backends[Backend.S3], migration_target=lambda _bucket: target)
    deployment.s3.fail("write", StorageUnavailableException("full"))
    found = await DiagnosisService(Locator(RoutingPolicy(StorageMode.S3), {Backend.S3: s3})).examine()
    assert seen(found) == [("s3", "reached", W, ""), ("s3", "upload", FAILS, "full")]
    assert target.done == []


async def test_only_a_folder_that_is_served_is_examined(able: Locator) -> None:
    own = Examining(W)
    policy = RoutingPolicy(StorageMode.S3, folders=("in/", "out/"))
    await DiagnosisService(Locator(policy, {Backend.S3: replace(able.backends[Backend.S3], examination=own)})).examine()
    assert own.prefixes == ["in/"]


async def test_a_backend_that_takes_no_new_files_does_not_try_itself(able: Locator) -> None:
    own = Examining(W)
    backends = {**able.backends, Backend.FASTDFS: replace(able.backends[Backend.FASTDFS], examination=own)}
    assert seen(await DiagnosisService(Locator(able.policy, backends)).examine()) == all_well()
    assert own.prefixes == []


async def test_what_is_seen_of_a_source_is_told_whole(able: Locator, monkeypatch: pytest.MonkeyPatch) -> None:
    findings = [
        preflight.Finding(f"subject {number}", verdict, f"says {number}", f"mend {number}")
        for number, verdict in enumerate(preflight.Verdict)
    ]

    async def looked_at(_source: object, _now: float) -> list[preflight.Finding]:
        return findings

    monkeypatch.setattr(preflight, "look_at_source", looked_at)
    fastdfs = replace(able.backends[Backend.FASTDFS], migration_source=MemorySource())
    found = await DiagnosisService(Locator(able.policy, {**able.backends, Backend.FASTDFS: fastdfs})).examine()
    means = {
        preflight.Verdict.FINE: W,
        preflight.Verdict.FALLBACK: LACKS,
        preflight.Verdict.WARNING: Verdict.WARNING,
        preflight.Verdict.GATE: FAILS,
    }
    assert [each for each in found if each.backend == "fastdfs"][1:] == [
        Examined("fastdfs", each.subject, means[each.verdict], each.says, each.mend) for each in findings
    ]


async def test_what_is_to_be_left_is_looked_at_too(able: Locator) -> None:
    source = MemorySource()
    fastdfs = replace(able.backends[Backend.FASTDFS], migration_source=source)
    found = await DiagnosisService(Locator(able.policy, {**able.backends, Backend.FASTDFS: fastdfs})).examine()
    own = [(each.ability, each.verdict) for each in found if each.backend == "fastdfs"]
    looked_at = await preflight.look_at_source(source, time.time())
    verdicts = {preflight.Verdict.FINE: W, preflight.Verdict.WARNING: Verdict.WARNING}
    assert own == [("reached", W), *((finding.subject, verdicts[finding.verdict]) for finding in looked_at)]
    assert len(own) > 3


@pytest.mark.parametrize(("skew", "warns"), [(5.0, False), (-5.0, False), (6.0, True), (-6.0, True)])
async def test_clocks_that_differ_are_noticed(deployment: Deployment, able: Locator, skew: float, warns: bool) -> None:
    now = 1_700_000_000.0

    class Skewed(WatchedStore):
        async def info(self, file_id: FileId) -> BlobInfo:
            return replace(await super().info(file_id), last_modified=datetime.fromtimestamp(now + skew, UTC))

    store = Skewed(deployment.kept_in_s3)
    backends = {**able.backends, Backend.S3: replace(able.backends[Backend.S3], store=store)}
    examination = Examination("s3")
    await RoundTrip(Locator(able.policy, backends), examination, lambda: now).run()
    [clocks] = [each for each in examination.found if each.ability == "clocks"]
    assert clocks.verdict is (Verdict.WARNING if warns else W)
    assert clocks.says == ("its clock and the one here are 6 s apart" if warns else "")


async def examined(able: Locator, store: WatchedStore) -> dict[str, tuple[Verdict, str]]:
    """What a round trip finds of a store in place of S3."""
    backends = {**able.backends, Backend.S3: replace(able.backends[Backend.S3], store=store, listing=store)}
    examination = Examination("s3")
    await RoundTrip(Locator(able.policy, backends), examination).run()
    return {each.ability: (each.verdict, each.says) for each in examination.found}


@pytest.mark.parametrize(
    ("damaged", "ability", "says"),
    [(False, "download", "than were stored"), (True, "ranges", "than were asked for")],
    ids=["whole", "in part"],
)
async def test_other_bytes_than_were_stored_are_noticed(
    deployment: Deployment, able: Locator, damaged: bool, ability: str, says: str
) -> None:
    class Damaging(WatchedStore):
        @asynccontextmanager
        async def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AsyncGenerator[OpenBlob]:
            async with super().open(file_id, byte_range) as blob:
                if (byte_range is not None) is not damaged:
                    yield blob
                else:
                    yield replace(blob, body=body_of(bytes(len(blob.span))))

    found = await examined(able, Damaging(deployment.kept_in_s3))
    assert [name for name, (verdict, _) in found.items() if verdict is FAILS] == [ability]
    assert found[ability][1] == f"other bytes came back {says}"


async def test_a_listing_that_lacks_the_file_is_noticed(deployment: Deployment, able: Locator) -> None:
    class Lagging(WatchedStore):
        def list(  # type: ignore[override]  # any context does
            self, prefix: str = "", *, bucket: str | None = None, after: str = ""
        ) -> AbstractAsyncContextManager[AsyncIterator[BlobInfo]]:
            return super().list(prefix + "~", bucket=bucket, after=after)

    found = await examined(able, Lagging(deployment.kept_in_s3))
    assert found["listing"] == (FAILS, "a file that was stored a moment ago is not listed")


async def test_a_backend_that_does_not_say_whether_a_file_is_gone_is_noticed(
    deployment: Deployment, able: Locator
) -> None:
    class Losing(WatchedStore):
        async def delete(self, file_id: FileId) -> None:
            await super().delete(file_id)
            self.fail("info", StorageUnavailableException("down"))

    found = await examined(able, Losing(deployment.kept_in_s3))
    assert found["delete"] == (FAILS, "down")


async def test_a_backend_that_tells_no_time_has_no_clock(deployment: Deployment, able: Locator) -> None:
    class Timeless(WatchedStore):
        async def info(self, file_id: FileId) -> BlobInfo:
            return replace(await super().info(file_id), last_modified=None)

    found = await examined(able, Timeless(deployment.kept_in_s3))
    assert "clocks" not in found
    assert {verdict for verdict, _ in found.values()} == {W}


@pytest.mark.parametrize(
    ("changed", "ability", "verdict"),
    [
        ({"size": 69_999}, "description", FAILS),
        ({"file_name": "s3py doctor U.txt"}, "names in any script", Verdict.WARNING),
        ({"metadata": {"s3py-doctor": "U"}}, "metadata in any script", Verdict.WARNING),
        ({"metadata": {}}, "metadata in any script", Verdict.WARNING),
        ({"metadata": {"s3py-doctor": "Ü", "more": "1"}}, "metadata in any script", W),
        ({"checksum": None}, "checksums", LACKS),
    ],
)
async def test_a_description_that_comes_back_otherwise_is_noticed(
    deployment: Deployment, able: Locator, changed: dict[str, object], ability: str, verdict: Verdict
) -> None:
    class Changing(WatchedStore):
        async def info(self, file_id: FileId) -> BlobInfo:
            return replace(await super().info(file_id), **changed)  # type: ignore[arg-type]  # facts of each case

    store = Changing(deployment.kept_in_s3)
    backends = {**able.backends, Backend.S3: replace(able.backends[Backend.S3], store=store, copying=None)}
    examination = Examination("s3")
    await RoundTrip(Locator(able.policy, backends), examination).run()
    [checked] = [each for each in examination.found if each.ability == ability]
    assert checked.verdict is verdict
