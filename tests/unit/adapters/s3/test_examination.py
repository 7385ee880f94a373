"""What an examination asks for, concludes, and leaves behind."""

import secrets

import pytest

from s3py_helper.adapters.s3.examination import S3Examination
from s3py_helper.application.ports.examined import Verdict
from s3py_helper.domain.part_plan import MIN_PART_SIZE
from tests.support.s3.canned import CannedResponse, open_stage, refusing, xml
from tests.support.s3.object_responses import stored

pytestmark = pytest.mark.timeout(20)

DENIED = refusing(403, "AccessDenied")
MISSING = refusing(404, "NoSuchKey")
GONE = CannedResponse(204)
STORED = CannedResponse(200, {"etag": '"x"'})
KEY = "d/s3py-doctor-1"


@pytest.fixture(autouse=True)
def _known_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "token_hex", lambda _bytes: "1")


def created(upload_id: str) -> CannedResponse:
    return xml(f"<InitiateMultipartUploadResult><UploadId>{upload_id}</UploadId></InitiateMultipartUploadResult>")


def unfinished(*upload_ids: str) -> CannedResponse:
    each = "".join(f"<Upload><Key>{KEY}</Key><UploadId>{upload_id}</UploadId></Upload>" for upload_id in upload_ids)
    other = "<Upload><Key>d/s3py-doctor-11</Key><UploadId>of another</UploadId></Upload>"
    return xml(f"<ListMultipartUploadsResult>{each}{other}</ListMultipartUploadsResult>")


def rule(days: int, status: str = "Enabled") -> str:
    after = f"<DaysAfterInitiation>{days}</DaysAfterInitiation>"
    abort = f"<AbortIncompleteMultipartUpload>{after}</AbortIncompleteMultipartUpload>"
    return f"<Rule><Status>{status}</Status>{abort}</Rule>"


def answers(**other: CannedResponse) -> list[CannedResponse]:
    usual = {
        "listed": xml("<ListBucketResult/>"),
        "stored": STORED,
        "got": MISSING,  # no refusal: what counts is that one may ask
        "described": CannedResponse(200, {"etag": '"x"', "content-length": "5"}),
        "begun": created("u1"),
        "part": STORED,
        "parts": xml("<ListPartsResult/>"),
        "uploads": unfinished("u1"),
        "aborted": GONE,
        "begun again": created("u2"),
        "first": STORED,
        "second": STORED,
        "third": STORED,
        "completed": xml("<CompleteMultipartUploadResult><ETag>x-3</ETag></CompleteMultipartUploadResult>"),
        "deleted": GONE,
        "left": unfinished(),
        "removed": GONE,
        "lifecycle": xml(f"<LifecycleConfiguration>{rule(9)}{rule(7)}{rule(1, 'Disabled')}</LifecycleConfiguration>"),
    }
    return list((usual | other).values())


async def test_with_all_permissions_everything_works_and_is_asked_for_once() -> None:
    async with open_stage(*answers()) as s3:
        found = await S3Examination(s3.session).examine("d/")
    assert {each.verdict for each in found} == {Verdict.WORKS}
    assert [each.ability for each in found] == [
        "s3:ListBucket",
        "s3:PutObject",
        "s3:GetObject (GET)",
        "s3:GetObject (HEAD)",
        "s3:PutObject (multipart)",
        "s3:ListMultipartUploadParts",
        "s3:ListBucketMultipartUploads",
        "s3:AbortMultipartUpload",
        "parts of several sizes in one upload",
        "s3:DeleteObject",
        "uploads that nobody ended are removed",
    ]
    assert (found[-1].ability, found[-1].says) == ("uploads that nobody ended are removed", "after 7 days")
    sizes = [len(sent.body) for sent in s3.sent if "partNumber" in sent.url]
    assert sizes == [1, MIN_PART_SIZE, MIN_PART_SIZE + 1, 1]
    numbers = [line.split("partNumber=")[1] for line in s3.lines if "partNumber" in line]
    assert numbers == ["1&uploadId=u1", *(f"{number}&uploadId=u2" for number in (1, 2, 3))]
    [completion] = [sent for sent in s3.sent if sent.url.endswith(f"/{KEY}?uploadId=u2") and sent.method == "POST"]
    assert completion.body.count(b'<ETag>"x"</ETag>') == 3
    assert [line for line in s3.lines if line.startswith("DELETE")] == [
        f"DELETE /docs/{KEY}?uploadId=u1",
        f"DELETE /docs/{KEY}",
        f"DELETE /docs/{KEY}",
    ]


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (refusing(400, "InvalidPart"), Verdict.LACKS),
        (DENIED, Verdict.FAILS),
        (refusing(503, "SlowDown"), Verdict.FAILS),
    ],
    ids=["one size", "denied", "down"],
)
async def test_an_upload_that_could_not_be_completed_is_judged_and_aborted(
    answer: CannedResponse, verdict: Verdict
) -> None:
    given = answers(completed=answer, left=unfinished("u2", "u3"))
    given[-2:-2] = [GONE, GONE]
    async with open_stage(*given) as s3:
        found = await S3Examination(s3.session).examine("d/")
    [judged] = [each for each in found if each.ability == "parts of several sizes in one upload"]
    assert judged.verdict is verdict
    assert (judged.error is not None) is (verdict is Verdict.FAILS)
    aborted = [line for line in s3.lines if line.startswith("DELETE") and "uploadId" in line]
    assert aborted == [f"DELETE /docs/{KEY}?uploadId={upload_id}" for upload_id in ("u1", "u2", "u3")]
    assert s3.lines[-2] == f"DELETE /docs/{KEY}"


async def test_uploads_that_are_not_there_show_that_one_may_ask() -> None:
    missing = refusing(404, "NoSuchUpload")
    async with open_stage(*answers(parts=missing, aborted=missing)) as s3:
        found = await S3Examination(s3.session).examine("d/")
    assert {each.verdict for each in found} == {Verdict.WORKS}


async def test_what_could_not_be_tidied_is_no_error() -> None:
    async with open_stage(*answers(left=DENIED, removed=DENIED)) as s3:
        assert await S3Examination(s3.session).examine("d/")


@pytest.mark.parametrize(
    ("answer", "verdict", "says"),
    [
        (xml("<LifecycleConfiguration/>"), Verdict.WARNING, "no rule of the bucket does that"),
        (refusing(404, "NoSuchLifecycleConfiguration"), Verdict.WARNING, "no rule of the bucket does that"),
        (DENIED, Verdict.LACKS, "may not ask"),
        (refusing(501, "NotImplemented"), Verdict.LACKS, "the server does not say"),
        (refusing(503, "SlowDown"), Verdict.FAILS, "SlowDown"),
    ],
)
async def test_what_is_known_of_unfinished_uploads(answer: CannedResponse, verdict: Verdict, says: str) -> None:
    async with open_stage(*answers(lifecycle=answer)) as s3:
        *_, last = await S3Examination(s3.session).examine("d/")
    assert last.verdict is verdict
    assert says in last.says
    assert (last.error is not None) is (verdict is Verdict.FAILS)


async def test_everything_is_tried_by_itself_although_all_is_refused() -> None:
    refused = refusing(403, "AccessDenied")
    methods = dict.fromkeys(("GET", "PUT", "POST", "DELETE", "HEAD"), refused)
    async with open_stage(whenever=methods) as s3:
        found = await S3Examination(s3.session).examine("d/")
    verdicts = {each.ability: each.verdict for each in found}
    assert verdicts == {
        "s3:ListBucket": Verdict.FAILS,
        "s3:PutObject": Verdict.FAILS,
        "s3:GetObject (GET)": Verdict.WARNING,
        "s3:GetObject (HEAD)": Verdict.WARNING,
        "s3:PutObject (multipart)": Verdict.FAILS,
        "s3:ListMultipartUploadParts": Verdict.FAILS,
        "s3:ListBucketMultipartUploads": Verdict.FAILS,
        "s3:AbortMultipartUpload": Verdict.FAILS,
        "s3:DeleteObject": Verdict.FAILS,
        "uploads that nobody ended are removed": Verdict.LACKS,
    }
    assert all(line.split("?")[0].split(" ")[1].startswith(("/docs/d/s3py-doctor-", "/docs")) for line in s3.lines)


@pytest.mark.parametrize(
    ("may", "refused", "verdict"),
    [("list", "PUT", Verdict.WORKS), ("store", "GET", Verdict.FAILS)],
)
async def test_either_listing_or_storing_shows_what_reading_is_worth(may: str, refused: str, verdict: Verdict) -> None:
    answers = {
        "GET": xml("<ListBucketResult/>", {"etag": '"x"'}),
        "PUT": stored(None),
        "HEAD": stored(None, **{"content-length": "5"}),
        "DELETE": GONE,
        "POST": refusing(403, "AccessDenied"),
    }
    async with open_stage(whenever=answers | {refused: refusing(403, "AccessDenied")}) as s3:
        found = await S3Examination(s3.session).examine("d/")
    verdicts = {each.ability: each.verdict for each in found}
    assert [verdicts[ability] for ability in ("s3:ListBucket", "s3:PutObject")] == [
        Verdict.WORKS if may == ability else Verdict.FAILS for ability in ("list", "store")
    ]
    assert verdicts["s3:GetObject (GET)"] is verdict
    assert verdicts["s3:GetObject (HEAD)"] is Verdict.WORKS


async def test_a_service_that_is_down_lacks_nothing() -> None:
    down = refusing(503, "SlowDown")
    async with open_stage(whenever=dict.fromkeys(("GET", "PUT", "POST", "DELETE", "HEAD"), down)) as s3:
        found = await S3Examination(s3.session).examine("d/")
    assert {each.verdict for each in found} == {Verdict.FAILS, Verdict.WARNING}
    assert found[-1].verdict is Verdict.FAILS
