"""Which refusals mean that a server does not implement checksums, and for how long that is believed."""

import pytest

from s3py_helper.adapters.s3.api.checksums import ASKED_AGAIN_AFTER, ChecksumPolicy, ChecksumSetting
from s3py_helper.adapters.s3.api.error_response import ErrorResponse
from s3py_helper.adapters.s3.api.errors import ErrorContext, translated
from s3py_helper.application.ports.observer import FallbackTaken
from s3py_helper.domain.errors import IntegrityException, StorageException, StorageOperationException
from tests.support.recorder import Recorder


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def policy(setting: ChecksumSetting = "auto", recorder: Recorder | None = None) -> tuple[ChecksumPolicy, Clock]:
    clock = Clock()
    return ChecksumPolicy(setting, recorder or Recorder(), now=clock), clock


def refusal(status: int, code: str = "", message: str = "") -> StorageException:
    with pytest.raises(StorageException) as raised, translated(ErrorContext("upload", "http://h", "b", "k")):
        raise ErrorResponse(status, code, message)
    return raised.value


@pytest.mark.parametrize(
    "error",
    [
        refusal(501),
        refusal(501, "NotImplemented", "A header you provided implies functionality that is not implemented"),
        refusal(501, "NotImplemented", "Header 'x-amz-sdk-checksum-algorithm' with value 'CRC32' not implemented"),
        refusal(400, "NotImplemented"),
        refusal(400, "InvalidArgument", "Unsupported header 'x-amz-checksum-crc32' received for this API call."),
        refusal(400, "InvalidRequest", "unknown checksum algorithm"),
        refusal(400, "UnsupportedHeader", "X-Amz-Checksum-Crc32"),
        refusal(400, "InvalidRequest", "the header x-amz-sdk-checksum is not known"),
        refusal(400, "InvalidRequest", "The upload was created using a checksum-algorithm that is unknown"),
    ],
    ids=str,
)
def test_what_means_that_they_are_not_implemented(error: StorageException) -> None:
    assert policy()[0].may_be_the_reason(error)


@pytest.mark.parametrize(
    "error",
    [
        refusal(403, "AccessDenied", "You may not upload without checksums"),
        refusal(403, "NotImplemented", "x-amz-checksum-crc32"),
        refusal(400, "BadDigest", "The CRC32 you specified in x-amz-checksum-crc32 did not match"),
        refusal(400, "XAmzContentChecksumMismatch", "checksum"),
        refusal(400, "InvalidArgument", "The metadata are too long"),
        refusal(400, "ExpiredToken", "x-amz-checksum-crc32"),
        refusal(500, "InternalError", "checksum"),
        refusal(503, "SlowDown", "x-amz-checksum-crc32"),
        StorageException("no response at all: checksum algorithm"),
    ],
    ids=str,
)
def test_what_does_not(error: StorageException) -> None:
    assert not policy()[0].may_be_the_reason(error)


def test_where_they_are_required_nothing_is_a_reason_to_go_without() -> None:
    required, _ = policy("required")
    assert required.wanted("b")
    assert not required.may_be_the_reason(refusal(501))


def test_switched_off_they_are_never_wanted() -> None:
    assert not policy("off")[0].wanted("b")


def test_a_checksum_that_is_not_confirmed_is_an_error_where_it_is_required() -> None:
    context = ErrorContext("upload", "http://h", "b", "k")
    policy("auto")[0].refuse(None, context)
    with pytest.raises(StorageOperationException, match=r"'required'; .*key 'k'") as raised:
        policy("required")[0].refuse(None, context)
    assert (raised.value.operation, raised.value.backend) == ("upload", "s3")


@pytest.mark.parametrize("setting", ["auto", "required"])
def test_another_checksum_is_one_anyway(setting: ChecksumSetting) -> None:
    with pytest.raises(IntegrityException, match=r"other bytes than were sent; .*key 'k'") as raised:
        policy(setting)[0].refuse("AAAAAA==", ErrorContext("copy", "http://h", "b", "k"))
    assert (raised.value.operation, raised.value.backend) == ("copy", "s3")


def test_a_bucket_does_without_for_a_while_and_others_do_not() -> None:
    recorder = Recorder()
    auto, clock = policy(recorder=recorder)
    auto.give_up("old", refusal(501, "NotImplemented"))
    assert not auto.wanted("old")
    assert auto.wanted("new")
    clock.time = ASKED_AGAIN_AFTER - 1
    assert not auto.wanted("old")
    clock.time = ASKED_AGAIN_AFTER
    assert auto.wanted("old")
    [event] = recorder.of(FallbackTaken)
    assert event.backend == "s3"
    assert "bucket 'old'" in event.what
    assert "10 minutes" in event.what
    assert "NotImplemented" in event.reason
