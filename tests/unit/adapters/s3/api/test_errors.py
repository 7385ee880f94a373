"""Every error of the SDK, of the HTTP client and of the service has a counterpart."""

import inspect
import ssl
from collections.abc import Iterator

import aiohttp
import botocore.session  # type: ignore[import-untyped]  # it ships no types
import pytest
from botocore import exceptions as sdk

from s3py_helper.adapters.s3.api import errors
from s3py_helper.adapters.s3.api.error_response import ErrorResponse, parse_error_response
from s3py_helper.adapters.s3.api.errors import KIND_BY_CODE, ErrorContext, failure_of, translated, was_not_carried_out
from s3py_helper.adapters.s3.api.evidence import NotConfirmed
from s3py_helper.adapters.s3.api.xml import NotXml
from s3py_helper.adapters.s3.http import faults
from s3py_helper.adapters.s3.sdk import errors as sdk_errors
from s3py_helper.domain.errors import (
    AccessDeniedException,
    BucketNotFoundException,
    FileNotFoundException,
    IntegrityException,
    InvalidArgumentException,
    InvalidRangeException,
    PreconditionFailedException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)

PLACE = ErrorContext("download", "http://s3.example:9000", "docs", "a/b.txt")


def classes_in(module: object, *roots: type) -> Iterator[type[Exception]]:
    for member in vars(module).values():
        if inspect.isclass(member) and issubclass(member, roots) and issubclass(member, Exception):
            yield member


@pytest.mark.parametrize(
    "error_class",
    list(classes_in(sdk, sdk.BotoCoreError, sdk.UndefinedModelAttributeError)),
    ids=lambda error_class: error_class.__name__,
)
def test_every_error_of_the_sdk_has_a_counterpart(error_class: type[Exception]) -> None:
    # Made without its arguments: only the class counts.
    failure = sdk_errors.failure_of(error_class.__new__(error_class))
    assert failure is not None
    assert issubclass(failure.kind, StorageException)


@pytest.mark.parametrize(
    "error_class",
    list(classes_in(aiohttp, aiohttp.ClientError, OSError)),
    ids=lambda error_class: error_class.__name__,
)
def test_every_error_of_the_http_client_of_the_sdk_has_a_counterpart(error_class: type[Exception]) -> None:
    failure = sdk_errors.failure_of(error_class.__new__(error_class))
    assert failure is not None
    assert issubclass(failure.kind, StorageOperationException)


@pytest.mark.parametrize(
    "error_class", list(classes_in(faults, faults.HttpFault)), ids=lambda error_class: error_class.__name__
)
def test_every_error_of_our_own_connections_has_a_counterpart(error_class: type[Exception]) -> None:
    failure = failure_of(error_class())
    assert failure is not None
    assert issubclass(failure.kind, StorageOperationException)


def test_every_error_that_the_sdk_knows_of_s3_is_in_the_table_or_nothing_in_particular() -> None:
    model = botocore.session.get_session().get_service_model("s3")
    codes = {shape.name for shape in model.error_shapes}
    assert codes - KIND_BY_CODE.keys() == {
        "BucketAlreadyExists",
        "BucketAlreadyOwnedByYou",
        "EncryptionTypeMismatch",
        "IdempotencyParameterMismatch",
        "InvalidObjectState",
        "InvalidRequest",
        "InvalidWriteOffset",
        "ObjectAlreadyInActiveTierError",
        "ObjectNotInActiveTierError",
        "TooManyParts",
    }


@pytest.mark.parametrize(
    ("error_response", "kind", "words"),
    [
        (ErrorResponse(404, "NoSuchKey", "The specified key does not exist."), FileNotFoundException, "no such object"),
        (ErrorResponse(404, "NoSuchBucket"), BucketNotFoundException, "no such bucket"),
        (ErrorResponse(404), FileNotFoundException, "HTTP 404"),
        (ErrorResponse(403, "AccessDenied", "Access Denied."), AccessDeniedException, "Access Denied."),
        (ErrorResponse(403), AccessDeniedException, "HTTP 403"),
        (ErrorResponse(403, "SignatureDoesNotMatch"), AccessDeniedException, "secret key is wrong"),
        (ErrorResponse(403, "InvalidAccessKeyId"), AccessDeniedException, "access key is not known"),
        (ErrorResponse(403, "RequestTimeTooSkewed"), AccessDeniedException, "clocks"),
        (ErrorResponse(400, "ExpiredToken", "The token has expired."), AccessDeniedException, "expired"),
        (ErrorResponse(412, "PreconditionFailed"), PreconditionFailedException, "not the version"),
        (ErrorResponse(416, "InvalidRange"), InvalidRangeException, "InvalidRange"),
        (ErrorResponse(400, "BadDigest"), IntegrityException, "BadDigest"),
        (ErrorResponse(400, "EntityTooLarge"), InvalidArgumentException, "EntityTooLarge"),
        (ErrorResponse(503, "SlowDown", "Reduce your rate"), StorageUnavailableException, "Reduce your rate"),
        (ErrorResponse(400, "RequestTimeout"), StorageUnavailableException, "RequestTimeout"),
        (ErrorResponse(502), StorageUnavailableException, "HTTP 502"),
        (ErrorResponse(429), StorageUnavailableException, "HTTP 429"),
        (ErrorResponse(301, "PermanentRedirect"), StorageOperationException, "another endpoint"),
        (
            ErrorResponse(400, "AuthorizationHeaderMalformed", headers={"x-amz-bucket-region": "eu-west-1"}),
            AccessDeniedException,
            "region is eu-west-1",
        ),
        (ErrorResponse(403, "InvalidObjectState"), AccessDeniedException, "archived"),
        (ErrorResponse(418, "Teapot", "short and stout"), StorageOperationException, "short and stout"),
    ],
    ids=lambda value: str(value) if isinstance(value, ErrorResponse) else "",
)
def test_a_refusal_is_raised_as_its_counterpart_and_says_where(
    error_response: ErrorResponse, kind: type[StorageException], words: str
) -> None:
    with pytest.raises(StorageException) as raised, translated(PLACE):
        raise error_response
    error = raised.value
    assert type(error) is kind
    assert words in str(error)
    assert "download failed" in str(error)
    assert "S3 at http://s3.example:9000, bucket 'docs', key 'a/b.txt'" in str(error)
    assert (error.file_id, error.backend, error.operation) == ("s3:docs/a/b.txt", "s3", "download")
    assert error.retryable is (kind is StorageUnavailableException)
    assert error.__cause__ is error_response


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (TimeoutError(), StorageUnavailableException, "in time"),
        (ConnectionResetError(104, "Connection reset by peer"), StorageUnavailableException, "reset by peer"),
        (faults.Disconnected(), StorageUnavailableException, "closed the connection"),
        (faults.BrokenOff(), StorageUnavailableException, "broke off"),
        (faults.NotHttp(), StorageUnavailableException, "not HTTP"),
        (ssl.SSLCertVerificationError(1, "self-signed"), StorageOperationException, "TLS"),
    ],
)
def test_trouble_on_the_way_is_raised_as_its_counterpart(
    error: Exception, kind: type[StorageException], words: str
) -> None:
    with pytest.raises(kind, match=words), translated(PLACE):
        raise error


UNAVAILABLE, FAILED = StorageUnavailableException, StorageOperationException
RESET = ConnectionResetError(104, "Connection reset by peer")


def caused_by[E: Exception](error: E, cause: Exception) -> E:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ssl.SSLCertVerificationError(1, "self-signed"), (FAILED, "its TLS certificate is not trusted (self-signed)")),
        (ssl.SSLEOFError(8, "EOF occurred"), (UNAVAILABLE, "it closed the TLS connection (EOF occurred)")),
        (ssl.SSLZeroReturnError(6, "closed"), (UNAVAILABLE, "it closed the TLS connection (closed)")),
        (ssl.SSLError(1, "wrong version"), (FAILED, "no TLS connection (wrong version)")),
        (caused_by(faults.NoProxy(), RESET), (UNAVAILABLE, "no connection to the proxy (Connection reset by peer)")),
        (faults.ProxyRefuses("HTTP 407"), (UNAVAILABLE, "the proxy refuses to connect (HTTP 407)")),
        (
            caused_by(faults.HostNotFound(), OSError(-2, "Name or service not known")),
            (UNAVAILABLE, "its host name cannot be resolved (Name or service not known)"),
        ),
        (faults.NoPlaceInTime("all 4"), (UNAVAILABLE, "no connection became free in time (all 4)")),
        (faults.ClientClosed(), (FAILED, "the backend was closed meanwhile")),
        (faults.ForeignClient("in a"), (FAILED, "the backend was opened elsewhere: open one here (in a)")),
        (caused_by(faults.NotConnected("late"), RESET), (UNAVAILABLE, "no connection (Connection reset by peer)")),
        (faults.NotConnected("late"), (UNAVAILABLE, "no connection (late)")),
        (faults.NoResponseInTime("5 s"), (UNAVAILABLE, "no response in time (5 s)")),
        (TimeoutError(), (UNAVAILABLE, "no response in time")),
        (faults.EarlySuccess(), (UNAVAILABLE, "it reported success before it had the whole request")),
        (faults.BrokenOff(), (UNAVAILABLE, "the response broke off")),
        (faults.Disconnected(), (UNAVAILABLE, "it closed the connection without a response")),
        (faults.NotHttp("HTTP/2"), (UNAVAILABLE, "its response is not HTTP (HTTP/2)")),
        (NotXml("no element"), (UNAVAILABLE, "its response cannot be read")),
        (NotConfirmed("it has no ETag"), (UNAVAILABLE, "it has no ETag")),
        (faults.HttpFault(), (UNAVAILABLE, "the connection failed")),
        (RESET, (UNAVAILABLE, "the connection failed (Connection reset by peer)")),
    ],
    ids=repr,
)
def test_what_each_error_on_the_way_means(error: Exception, expected: tuple[type[StorageException], str]) -> None:
    failure = failure_of(error)
    assert failure is not None
    assert (failure.kind, failure.reason, failure.retry_after) == (*expected, None)
    assert failure.retryable is (failure.kind is UNAVAILABLE)


OTHERS_BY_STATUS = {
    304: PreconditionFailedException,
    401: AccessDeniedException,
    403: AccessDeniedException,
    404: FileNotFoundException,
    408: UNAVAILABLE,
    412: PreconditionFailedException,
    416: InvalidRangeException,
    425: UNAVAILABLE,
    429: UNAVAILABLE,
}


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        (BucketNotFoundException, "NoSuchBucket"),
        (FileNotFoundException, "NoSuchKey NoSuchUpload NoSuchVersion NotFound"),
        (AccessDeniedException, "AccessDenied AllAccessDisabled AuthorizationHeaderMalformed ExpiredToken NotSignedUp"),
        (AccessDeniedException, "InvalidAccessKeyId InvalidSecurity InvalidToken RequestExpired RequestTimeTooSkewed"),
        (AccessDeniedException, "SignatureDoesNotMatch TokenRefreshRequired"),
        (UNAVAILABLE, "BandwidthLimitExceeded Busy InternalError OperationAborted RequestLimitExceeded RequestTimeout"),
        (UNAVAILABLE, "ServerBusy ServiceUnavailable SlowDown SlowDownRead SlowDownWrite Throttling TooManyRequests"),
        (UNAVAILABLE, "ThrottlingException"),
        (PreconditionFailedException, "ConditionalRequestConflict NotModified PreconditionFailed"),
        (InvalidRangeException, "InvalidRange"),
        (IntegrityException, "BadDigest IncompleteBody InvalidDigest XAmzContentChecksumMismatch"),
        (InvalidArgumentException, "EntityTooLarge EntityTooSmall InvalidBucketName InvalidPart InvalidPartOrder"),
        (InvalidArgumentException, "KeyTooLongError MetadataTooLarge"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_what_a_code_means_whatever_the_status(kind: type[StorageException], codes: str) -> None:
    for code in codes.split():
        for status in (400, 409, 500):
            failure = failure_of(ErrorResponse(status, code))
            assert failure is not None
            assert failure.kind is kind, code


@pytest.mark.parametrize("status", range(300, 500))
def test_what_a_status_means_where_there_is_no_code(status: int) -> None:
    for response in (ErrorResponse(status), ErrorResponse(status, "ACodeOfSomebodyElse")):
        failure = failure_of(response)
        assert failure is not None
        assert failure.kind is OTHERS_BY_STATUS.get(status, FAILED)


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        (ErrorResponse(404, "NoSuchKey", "theirs"), "there is no such object [NoSuchKey (HTTP 404)]"),
        (ErrorResponse(403, "AccessDenied", "theirs"), "theirs [AccessDenied (HTTP 403)]"),
        (ErrorResponse(403), "it refuses [no error code (HTTP 403)]"),
        (ErrorResponse(404), "there is no such object, or no such bucket [no error code (HTTP 404)]"),
        (ErrorResponse(301), "the bucket is served at another endpoint [no error code (HTTP 301)]"),
        (ErrorResponse(307), "the bucket is served at another endpoint for now [no error code (HTTP 307)]"),
        (
            ErrorResponse(301, headers={"x-amz-bucket-region": "eu"}),
            "the bucket is served at another endpoint (the bucket's region is eu) [no error code (HTTP 301)]",
        ),
    ],
    ids=str,
)
def test_the_words_for_a_refusal(response: ErrorResponse, reason: str) -> None:
    failure = failure_of(response)
    assert failure is not None
    assert failure.reason == reason


@pytest.mark.parametrize(
    ("context", "file_id", "words"),
    [
        (ErrorContext("info", "http://h", "b", "k"), "s3:b/k", "S3 at http://h, bucket 'b', key 'k'"),
        (ErrorContext("list", "http://h", "b"), None, "S3 at http://h, bucket 'b'"),
        (ErrorContext("open", "http://h"), None, "S3 at http://h"),
        (ErrorContext("upload", "http://h", "b", "k"), None, "S3 at http://h, bucket 'b', key 'k'"),
        (ErrorContext("copy", "http://h", "b", "k"), None, "S3 at http://h, bucket 'b', key 'k'"),
    ],
)
def test_what_an_operation_is_about(context: ErrorContext, file_id: str | None, words: str) -> None:
    assert (context.file_id, str(context)) == (file_id, words)


@pytest.mark.parametrize("kind", list(dict.fromkeys([*KIND_BY_CODE.values(), FAILED])))
def test_an_error_of_every_kind_has_its_facts(kind: type[StorageException]) -> None:
    cause = ErrorResponse(400, "X", headers={"content-range": "bytes */12"})
    error = errors.storage_exception(
        errors.Failure(kind, "why", 3.0), ErrorContext("info", "http://h", "b", "k"), cause
    )
    assert type(error) is kind
    assert error.message == "info failed: why; S3 at http://h, bucket 'b', key 'k'"
    assert (error.file_id, error.backend) == ("s3:b/k", "s3")
    if isinstance(error, InvalidRangeException):
        assert error.size == 12
    else:
        assert error.operation == "info"
    if isinstance(error, StorageUnavailableException):
        assert error.retry_after == 3.0
    ours = "the storage does not accept the file's name, size or metadata"
    assert (error.detail == ours) is (kind is InvalidArgumentException)


def test_where_no_response_says_so_the_size_is_not_known() -> None:
    error = errors.storage_exception(errors.Failure(InvalidRangeException, "why"), PLACE)
    assert isinstance(error, InvalidRangeException)
    assert error.size is None


@pytest.mark.parametrize(
    ("header", "size"), [("bytes */12", 12), ("bytes 0-4/12", 12), ("bytes */*", None), ("", None), (None, None)]
)
def test_the_size_is_what_stands_behind_the_stroke(header: str | None, size: int | None) -> None:
    response = ErrorResponse(416, headers={} if header is None else {"content-range": header})
    with pytest.raises(InvalidRangeException) as raised, translated(PLACE):
        raise response
    assert raised.value.size == size


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": " 0 "}, 0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:30 GMT", "date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 30),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:30 GMT", "date": "Wed, 21 Oct 2015 08:00:00 GMT"}, 0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:30 GMT"}, 0),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_how_long_the_service_asks_to_wait_is_told(headers: dict[str, str], seconds: float | None) -> None:
    with pytest.raises(StorageUnavailableException) as raised, translated(PLACE):
        raise ErrorResponse(503, "SlowDown", headers=headers)
    assert raised.value.retry_after == seconds


@pytest.mark.parametrize("status", range(500, 600))
def test_every_5xx_is_temporary_but_what_the_server_will_not_know_tomorrow(status: int) -> None:
    failure = failure_of(ErrorResponse(status, "SomeCodeOfAProxy"))
    assert failure is not None
    assert failure.retryable is (status not in {501, 505})
    assert not was_not_carried_out(ErrorResponse(status))


@pytest.mark.parametrize("status", [400, 403, 404, 409, 412, 429])
def test_what_was_refused_or_never_sent_was_not_carried_out(status: int) -> None:
    assert was_not_carried_out(ErrorResponse(status))
    assert was_not_carried_out(faults.NotConnected())
    for doubtful in (faults.Disconnected(), faults.BrokenOff(), TimeoutError(), ErrorResponse(301), ErrorResponse(200)):
        assert not was_not_carried_out(doubtful)


def test_a_request_without_a_connection_was_not_sent() -> None:
    never = (
        faults.NotConnected,
        faults.HostNotFound,
        faults.NoProxy,
        faults.ProxyRefuses,
        faults.NoPlaceInTime,
        faults.ClientClosed,
        faults.ForeignClient,
    )
    known = set(classes_in(faults, faults.HttpFault))
    assert {kind for kind in known if was_not_carried_out(kind())} == set(never)


@pytest.mark.parametrize("error", [ssl.SSLEOFError(8, "EOF"), ssl.SSLZeroReturnError(6, "closed")])
def test_a_server_that_ends_in_the_middle_of_tls_may_come_back(error: Exception) -> None:
    failure = failure_of(error)
    assert failure is not None
    assert failure.retryable


def test_the_size_of_the_object_is_told_where_the_range_lies_outside() -> None:
    with pytest.raises(InvalidRangeException) as raised, translated(PLACE):
        raise ErrorResponse(416, "InvalidRange", headers={"content-range": "bytes */12"})
    assert raised.value.size == 12


@pytest.mark.parametrize("error", [ValueError("a defect"), KeyError("x")])
def test_a_defect_passes_unchanged(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, translated(PLACE):
        raise error
    assert raised.value is error


def test_our_own_errors_pass_unchanged() -> None:
    error = IntegrityException("as it is")
    with pytest.raises(IntegrityException) as raised, translated(PLACE, sdk_errors.failure_of):
        raise error
    assert raised.value is error


def test_an_error_of_the_sdk_means_the_same_as_the_answer_behind_it() -> None:
    response = {
        "Error": {"Code": "SlowDown", "Message": "Reduce your rate"},
        "ResponseMetadata": {"HTTPStatusCode": 503, "HTTPHeaders": {"retry-after": "3"}},
    }
    assert sdk_errors.failure_of(sdk.ClientError(response, "PutObject")) == errors.failure_of(
        ErrorResponse(503, "SlowDown", "Reduce your rate", {"retry-after": "3"})
    )


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b"<Error><Code>NoSuchKey</Code><Message>a &amp; b</Message></Error>", "NoSuchKey", "a & b"),
        (b'<?xml version="1.0"?>\n<Error xmlns="x">\n <Code>X</Code>\n</Error>', "X", ""),
        (b"<html>502 Bad Gateway</html>", "", ""),
        (b"\xff\x00\xfe", "", ""),
        (b"", "", ""),
    ],
)
def test_an_error_answer_is_read_whatever_it_is(body: bytes, code: str, message: str) -> None:
    error_response = parse_error_response(500, {"Retry-After": "1"}, body)
    assert (error_response.status, error_response.code, error_response.message) == (500, code, message)
    assert error_response.headers == {"retry-after": "1"}


def test_a_request_about_a_bucket_that_is_not_there_says_so_without_a_code_too() -> None:
    context = ErrorContext("health check", "http://h", "docs")
    with (
        pytest.raises(BucketNotFoundException, match=r"there is no such bucket \[.*bucket 'docs'") as raised,
        translated(context),
    ):
        raise ErrorResponse(404)
    assert not raised.value.retryable


@pytest.mark.parametrize("operation", ["upload", "copy"])
def test_an_error_names_no_id_that_its_caller_does_not_know(operation: str) -> None:
    with (
        pytest.raises(StorageUnavailableException) as raised,
        translated(ErrorContext(operation, "http://h", "b", "k")),
    ):
        raise ErrorResponse(503)
    assert raised.value.file_id is None
    assert "key 'k'" in raised.value.message


@pytest.mark.parametrize("code", sorted(KIND_BY_CODE))
def test_clients_are_not_told_where_the_storage_is(code: str) -> None:
    context = ErrorContext("upload", "http://192.0.2.1:9000", "the-bucket", "the/key")
    with pytest.raises(StorageException) as raised, translated(context):
        raise ErrorResponse(400, code, "see 192.0.2.1")
    assert not {word for word in ("192.0.2.1", "the-bucket", "the/key") if word in raised.value.detail}
