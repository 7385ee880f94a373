"""What the SDK is told, and what becomes of the keys that it finds."""

import asyncio
import re
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
import pytest
from botocore import exceptions as sdk  # type: ignore[import-untyped]  # it ships no types
from botocore.exceptions import (  # type: ignore[import-untyped]  # it ships no types
    ClientError,
    DataNotFoundError,
    MetadataRetrievalError,
    ReadTimeoutError,
)

from s3py_helper.adapters.s3.api.addressing import Endpoint
from s3py_helper.adapters.s3.api.error_response import ErrorResponse
from s3py_helper.adapters.s3.api.errors import ErrorContext
from s3py_helper.adapters.s3.api.signing import Credentials
from s3py_helper.adapters.s3.config import S3Config, S3PerfConfig
from s3py_helper.adapters.s3.sdk import client as client_module
from s3py_helper.adapters.s3.sdk import credentials as credentials_module
from s3py_helper.adapters.s3.sdk.client import Sdk
from s3py_helper.adapters.s3.sdk.credentials import ChainCredentials
from s3py_helper.adapters.s3.sdk.errors import error_response_of, failure_of
from s3py_helper.domain.errors import (
    AccessDeniedException,
    IntegrityException,
    InvalidArgumentException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)
from tests.support.s3.canned import open_stage

pytestmark = pytest.mark.timeout(20)

PERF = S3PerfConfig(connect_timeout=1, read_timeout=2, max_pool_connections=3, max_retries=2)


def told(monkeypatch: pytest.MonkeyPatch, proxy: str | None = None, **settings: object) -> dict[str, Any]:
    """What the SDK's client is made with."""
    given: dict[str, Any] = {}

    class Session:
        def client(self, name: str, **named: object) -> None:
            assert name == "s3"
            given.update(named)

    monkeypatch.setattr(client_module, "session_of", lambda _config: Session())
    config = S3Config.model_validate({"endpoint": "http://127.0.0.1:9000", "perf": PERF} | settings)
    Sdk(config, Endpoint(config.endpoint, config.addressing_style), proxy)
    return given


def test_its_client_has_our_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    given = told(monkeypatch)
    assert (given["endpoint_url"], given["verify"]) == ("http://127.0.0.1:9000", True)
    config = given["config"]
    assert (config.connect_timeout, config.read_timeout, config.max_pool_connections) == (1, 2, 3)
    assert config.retries["total_max_attempts"] == 3
    assert (config.signature_version, config.s3) == ("s3v4", {"addressing_style": "path"})
    assert config.proxies == {}, "and so it looks for none"
    assert (config.request_checksum_calculation, config.response_checksum_validation) == ("when_required",) * 2


@pytest.mark.parametrize(("retries", "attempts"), [(0, 1), (4, 5), (20, 5)])
def test_its_attempts_last_about_as_long_as_ours(monkeypatch: pytest.MonkeyPatch, retries: int, attempts: int) -> None:
    given = told(monkeypatch, perf=S3PerfConfig(max_retries=retries))
    assert given["config"].retries["total_max_attempts"] == attempts


def test_it_goes_where_we_go(monkeypatch: pytest.MonkeyPatch) -> None:
    given = told(monkeypatch, "http://127.0.0.1:3128", endpoint="https://s3.amazonaws.com", verify_tls="/etc/ca.pem")
    assert given["verify"] == "/etc/ca.pem"
    assert given["config"].proxies == dict.fromkeys(("http", "https"), "http://127.0.0.1:3128")
    assert given["config"].s3 == {"addressing_style": "virtual"}


class Calling:
    """An SDK whose client answers as it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any] | Exception) -> None:
        self.answer = answer
        self.left = 0
        monkeypatch.setattr(client_module, "session_of", lambda _config: self)
        config = S3Config(endpoint="http://127.0.0.1:9000")
        self.sdk = Sdk(config, Endpoint(config.endpoint), None)

    def client(self, _name: str, **_named: object) -> Self:
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.left += 1

    async def get_object(self, **_: object) -> dict[str, Any]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    delete_object = abort_multipart_upload = head_object = put_object = get_object
    create_multipart_upload = upload_part = complete_multipart_upload = get_object


class Body:
    def __init__(self, content: bytes | Exception = b"") -> None:
        self.content = content
        self.closed = 0

    async def read(self, _size: int | None) -> bytes:
        if isinstance(self.content, Exception):
            raise self.content
        content, self.content = self.content, b""
        return content

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("etag", [{}, {"ETag": ""}])
async def test_a_response_without_evidence_is_refused_and_its_body_closed(
    monkeypatch: pytest.MonkeyPatch, etag: dict[str, str]
) -> None:
    body = Body()
    calling = Calling(monkeypatch, {"Body": body, **etag})
    async with calling.sdk as sdk:
        with pytest.raises(StorageOperationException, match=r"no ETag.*bucket 'b', key 'k'") as refused:
            await sdk.call("get_object", "download", Bucket="b", Key="k")
    assert (refused.value.operation, body.closed, calling.left) == ("download", 1, 1)


@pytest.mark.parametrize(
    ("method", "evidence"),
    [
        ("get_object", "ETag"),
        ("head_object", "ETag"),
        ("put_object", "ETag"),
        ("create_multipart_upload", "UploadId"),
        ("upload_part", "ETag"),
        ("complete_multipart_upload", "ETag"),
    ],
)
async def test_each_method_needs_its_evidence(monkeypatch: pytest.MonkeyPatch, method: str, evidence: str) -> None:
    calling = Calling(monkeypatch, {})
    async with calling.sdk as sdk:
        with pytest.raises(StorageUnavailableException, match=f"its response has no {evidence}"):
            await sdk.call(method, "upload", Bucket="b", Key="k")
        calling.answer = {evidence: "x", "ResponseMetadata": {"HTTPHeaders": {"content-type": "text/html"}}}
        assert await sdk.call(method, "upload", Bucket="b", Key="k") == calling.answer, "of whatever type"


async def test_a_body_comes_in_chunks_of_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    class Long(Body):
        async def read(self, size: int | None) -> bytes:
            assert isinstance(self.content, bytes)
            piece, self.content = self.content[:size], self.content[size:]
            return piece

    async with Calling(monkeypatch, {"Body": Long(b"abcde"), "ETag": '"e"'}).sdk as sdk:
        response = await sdk.call("get_object", "download", Bucket="b", Key="k")
        assert await response["Body"].read(1) == b"a"
        assert [chunk async for chunk in response["Body"].iter_chunks(2)] == [b"bc", b"de"]


async def test_a_body_is_left_to_its_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    body = Body(b"abc")
    async with Calling(monkeypatch, {"Body": body, "ETag": '"e"'}).sdk as sdk:
        response = await sdk.call("get_object", "download", Bucket="b", Key="k")
        async with response["Body"] as content:
            assert [chunk async for chunk in content] == [b"abc"]
            assert body.closed == 0
        assert body.closed == 1


async def test_errors_come_translated_from_the_call_and_from_its_body(monkeypatch: pytest.MonkeyPatch) -> None:
    calling = Calling(monkeypatch, {"Body": Body(ReadTimeoutError(endpoint_url="x")), "ETag": '"e"'})
    async with calling.sdk as sdk:
        response = await sdk.call("get_object", "download", Bucket="b", Key="k")
        with pytest.raises(StorageUnavailableException, match="no response in time"):
            await response["Body"].read()
        denied = {"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
        calling.answer = ClientError(denied, "GetObject")
        with pytest.raises(AccessDeniedException, match="AccessDenied") as refused:
            await sdk.call("get_object", "download", Bucket="b", Key="k")
    assert refused.value.operation == "download"
    assert isinstance(refused.value.__cause__, ErrorResponse)
    assert (refused.value.__cause__.status, refused.value.__cause__.code) == (403, "AccessDenied")


@pytest.mark.parametrize(
    ("response", "told"),
    [
        ({"Error": {"Code": "NoSuchKey", "Message": "m"}}, (0, "NoSuchKey", "m")),
        ({"Error": {"Code": "404", "Message": "Not Found"}}, (0, "404", "")),
        ({"Error": {"Code": "1001", "Message": "m"}}, (0, "1001", "m")),
        ({"Error": {"Code": "Odd", "Message": None}}, (0, "Odd", "")),
        ({"ResponseMetadata": {"HTTPStatusCode": 503}}, (503, "", "")),
    ],
)
def test_an_error_response_says_what_the_server_said(response: dict[str, Any], told: tuple[object, ...]) -> None:
    found = error_response_of(response)
    assert (found.status, found.code, found.message) == told


@pytest.mark.parametrize(
    ("errors", "kind", "reason"),
    [
        ((sdk.SSLError, aiohttp.ClientSSLError, aiohttp.InvalidURL), StorageOperationException, "no (TLS )?connection"),
        ((sdk.ProxyConnectionError,), StorageUnavailableException, "no connection to the proxy"),
        (
            (sdk.ConnectTimeoutError, sdk.ReadTimeoutError, aiohttp.ServerTimeoutError),
            StorageUnavailableException,
            "no response in time",
        ),
        ((sdk.EndpointConnectionError, sdk.ConnectionError), StorageUnavailableException, "no connection"),
        (
            (sdk.ResponseStreamingError, sdk.IncompleteReadError, aiohttp.ClientPayloadError),
            StorageUnavailableException,
            "the response broke off",
        ),
        ((sdk.HTTPClientError, aiohttp.ClientError), StorageUnavailableException, "the connection failed"),
        (
            (
                sdk.NoCredentialsError,
                sdk.PartialCredentialsError,
                sdk.NoAuthTokenError,
                sdk.TokenRetrievalError,
                sdk.CredentialRetrievalError,
                sdk.UnknownCredentialError,
                sdk.RefreshWithMFAUnsupportedError,
                sdk.SSOError,
            ),
            AccessDeniedException,
            "no usable keys",
        ),
        ((sdk.MetadataRetrievalError,), StorageUnavailableException, "hands out keys does not respond"),
        ((sdk.ChecksumError, sdk.FlexibleChecksumError), IntegrityException, "the checksum does not fit"),
        (
            (sdk.ParamValidationError, sdk.ValidationError, sdk.MissingParametersError, sdk.InvalidDNSNameError),
            InvalidArgumentException,
            "does not accept an argument",
        ),
        ((sdk.BotoCoreError,), StorageOperationException, "the SDK failed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_error_of_the_sdk_has_its_meaning(
    errors: tuple[type[Exception], ...], kind: type[StorageException], reason: str
) -> None:
    for error in errors:
        failure = failure_of(error.__new__(error))  # only the class counts
        assert failure is not None
        assert failure.kind is kind, error
        assert re.search(rf"{reason}.*\({error.__name__}\)", failure.reason)


def test_an_error_response_has_its_headers() -> None:
    found = error_response_of({"ResponseMetadata": {"HTTPHeaders": {"retry-after": "3"}}})
    assert dict(found.headers) == {"retry-after": "3"}


@pytest.mark.parametrize("method", ["delete_object", "abort_multipart_upload"])
@pytest.mark.parametrize(
    ("status", "headers", "is_page"),
    [
        (200, {"content-type": "text/html; charset=utf-8"}, True),
        (204, {"content-type": "text/html"}, False),
        (200, {"content-type": "text/html", "content-length": "0"}, False),
        (200, {"content-type": "application/xml"}, False),
        (200, {}, False),
    ],
)
async def test_a_web_page_removes_nothing(
    monkeypatch: pytest.MonkeyPatch, method: str, status: int, headers: dict[str, str], is_page: bool
) -> None:
    answer = {"ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": headers}}
    async with Calling(monkeypatch, answer).sdk as sdk:
        if is_page:
            with pytest.raises(StorageOperationException, match="web page"):
                await sdk.call(method, "delete", Bucket="b", Key="k")
        else:
            assert await sdk.call(method, "delete", Bucket="b", Key="k") == answer


async def test_its_session_has_our_keys() -> None:
    config = S3Config(
        endpoint="http://127.0.0.1:9000", access_key_id="a", secret_access_key="b", session_token="c", region="eu"
    )
    session = client_module.session_of(config)
    keys = await (await session.get_credentials()).get_frozen_credentials()
    assert (keys.access_key, keys.secret_key, keys.token, session.region_name) == ("a", "b", "c", "eu")


@dataclass
class Frozen:
    access_key: str
    secret_key: str
    token: str | None = None


class Found:
    def __init__(self, *keys: Frozen) -> None:
        self._keys = list(keys)

    async def get_frozen_credentials(self) -> Frozen:
        return self._keys.pop(0) if len(self._keys) > 1 else self._keys[0]


def chain(*keys: Frozen) -> ChainCredentials:
    return ChainCredentials(Found(*keys), "eu", ErrorContext("asking for keys", "http://127.0.0.1:9000"))


async def test_keys_of_the_chain_come_with_their_token() -> None:
    assert await chain(Frozen("a", "b", "c")).current() == Credentials("a", "b", "c")


@pytest.mark.parametrize("odd", [Frozen("a b", "b"), Frozen("a", "b\n"), Frozen("a", "b", "c\n")])
async def test_keys_that_no_request_can_carry_are_refused_each_time(odd: Frozen) -> None:
    credentials = chain(Frozen("a", "b"), odd)
    await credentials.current()
    for _ in range(2):
        with pytest.raises(InvalidArgumentException, match="cannot be used") as refused:
            await credentials.current()
        assert (refused.value.operation, refused.value.backend) == ("open", "s3")


@pytest.mark.parametrize(
    ("then", "is_new", "keys"),
    [(Frozen("new", "b"), True, "new"), (Frozen("old", "b"), False, "old"), (None, False, "old")],
)
async def test_refused_keys_are_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, then: Frozen | None, is_new: bool, keys: str
) -> None:
    asked: list[str] = []

    async def ask(region: str) -> Found | None:
        asked.append(region)
        return None if then is None else Found(then)

    monkeypatch.setattr(credentials_module, "_ask_chain", ask)
    credentials = chain(Frozen("old", "b"))
    assert await credentials.renew(Credentials("old", "b")) is is_new
    assert (await credentials.current()).access_key == keys
    assert asked == ["eu"]


async def test_keys_that_others_have_renewed_meanwhile_are_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(_region: str) -> Found | None:
        raise AssertionError("asked again")

    monkeypatch.setattr(credentials_module, "_ask_chain", ask)
    assert await chain(Frozen("new", "b")).renew(Credentials("old", "b"))


async def test_keys_that_are_refused_to_several_at_once_are_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def ask(region: str) -> Found:
        asked.append(region)
        await asyncio.sleep(0)
        return Found(Frozen("new", "b"))

    monkeypatch.setattr(credentials_module, "_ask_chain", ask)
    credentials, old = chain(Frozen("old", "b")), Credentials("old", "b")
    assert all(await asyncio.gather(credentials.renew(old), credentials.renew(old)))
    assert asked == ["eu"]


async def test_a_chain_that_fails_when_it_is_asked_again_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(_region: str) -> Found:
        raise MetadataRetrievalError(error_msg="m")

    monkeypatch.setattr(credentials_module, "_ask_chain", ask)
    with pytest.raises(StorageUnavailableException, match="hands out keys does not respond"):
        await chain(Frozen("old", "b")).renew(Credentials("old", "b"))


async def test_one_that_cannot_be_opened_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(Calling):
        async def __aenter__(self) -> Self:
            raise DataNotFoundError(data_path="p")

    with pytest.raises(StorageOperationException, match=r"opening the SDK.*127\.0\.0\.1:9000"):
        await Failing(monkeypatch, {}).sdk.__aenter__()


async def test_one_caller_that_leaves_does_not_spoil_it_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    class Opening:
        closed = 0

        async def __aenter__(self) -> Self:
            await go_on.wait()
            return self

        async def __aexit__(self, *_: object) -> None:
            self.closed += 1

    go_on, opening = asyncio.Event(), Opening()
    async with open_stage() as s3:
        monkeypatch.setattr(s3.session, "_make_sdk", lambda: opening)
        first, second = (asyncio.ensure_future(s3.session.sdk()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait([first])
        go_on.set()
        found: list[object] = [await second, await s3.session.sdk()]
        assert found == [opening, opening]
    assert opening.closed == 1


async def test_one_that_could_not_be_opened_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []

    def make() -> object:
        tries.append(1)
        raise InvalidArgumentException("no")

    async with open_stage() as s3:
        monkeypatch.setattr(s3.session, "_make_sdk", make)
        for _ in range(2):
            with pytest.raises(InvalidArgumentException):
                await s3.session.sdk()
    assert len(tries) == 2
