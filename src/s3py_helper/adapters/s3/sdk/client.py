"""aioboto3 for everything that is called rarely. Importing this module costs half a second: see `session.py`."""

from types import TracebackType
from typing import Any, Final, Self

# None of the packages is typed.
import aioboto3  # type: ignore[import-untyped]
from aiobotocore.session import AioSession  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]
from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from s3py_helper.adapters.s3.api.addressing import Endpoint
from s3py_helper.adapters.s3.api.errors import ErrorContext, translated
from s3py_helper.adapters.s3.api.evidence import NotConfirmed
from s3py_helper.adapters.s3.config import S3Config, S3PerfConfig
from s3py_helper.adapters.s3.sdk.body import SdkBody
from s3py_helper.adapters.s3.sdk.errors import error_response_of, failure_of

_MOST_RETRIES: Final = 4

_EVIDENCE: Final = {
    "get_object": "ETag",
    "head_object": "ETag",
    "put_object": "ETag",
    "create_multipart_upload": "UploadId",
    "upload_part": "ETag",
    "complete_multipart_upload": "ETag",
}
"""What a method's response must have if it comes from S3 and not from a web page: see `api/evidence.py`."""

_REMOVES: Final = frozenset({"delete_object", "abort_multipart_upload"})
"""Methods whose response has nothing of the kind: it has no body, which at least tells it from a web page."""

_NO_CONTENT: Final = 204


class Sdk:
    """aioboto3's client for the configured service; opened by `async with`.

    Making it reads files for tens of milliseconds: leave that to a thread.
    """

    def __init__(self, config: S3Config, endpoint: Endpoint, proxy: str | None) -> None:
        perf = config.perf or S3PerfConfig()
        self._endpoint = endpoint
        self._client: Any = None
        self._opening = session_of(config).client(
            "s3",
            endpoint_url=config.endpoint,
            # Where it is a path, botocore trusts that CA bundle.
            verify=config.verify_tls if isinstance(config.verify_tls, bool) else str(config.verify_tls),
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "virtual" if endpoint.virtual else "path"},
                max_pool_connections=perf.max_pool_connections,
                connect_timeout=perf.connect_timeout,
                read_timeout=perf.read_timeout,
                # Its pauses double up to 20 s: that many attempts last about as long as ours.
                retries={"mode": "standard", "total_max_attempts": 1 + min(perf.max_retries, _MOST_RETRIES)},
                # Without one the SDK would look for a proxy itself, and might find another one.
                proxies={} if proxy is None else {"http": proxy, "https": proxy},
                # Where checksums are sent is decided by this adapter.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    async def __aenter__(self) -> Self:
        with translated(ErrorContext("opening the SDK", self._endpoint.url), failure_of):
            self._client = await self._opening.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._opening.__aexit__(kind, error, trace)

    async def call(self, method: str, operation: str, **parameters: object) -> dict[str, Any]:
        """Call a method of the client, e.g. `call("create_multipart_upload", "upload", Bucket=..., Key=...)`.

        Raises:
            StorageException: Something went wrong; `operation` is named in the message.
        """
        bucket, key = parameters.get("Bucket"), parameters.get("Key")
        context = ErrorContext(
            operation,
            self._endpoint.url,
            bucket if isinstance(bucket, str) else None,
            key if isinstance(key, str) else None,
        )
        with translated(context, failure_of):
            try:
                response: dict[str, Any] = await getattr(self._client, method)(**parameters)
            except ClientError as error:
                raise error_response_of(error.response) from error
            if (evidence := _EVIDENCE.get(method)) is not None and not response.get(evidence):
                if "Body" in response:
                    response["Body"].close()
                raise NotConfirmed(f"it does not confirm that it was done: its response has no {evidence}")
            if method in _REMOVES and _is_page(response):
                raise NotConfirmed("it responds with a web page: is the endpoint that of an S3 service?")
        if "Body" in response:
            response["Body"] = SdkBody(response["Body"], context)
        return response


def _is_page(response: dict[str, Any]) -> bool:
    metadata = response.get("ResponseMetadata", {})
    headers = metadata.get("HTTPHeaders", {})
    return (
        metadata.get("HTTPStatusCode") != _NO_CONTENT
        and headers.get("content-length") != "0"
        and str(headers.get("content-type", "")).startswith("text/html")
    )


def session_of(config: S3Config) -> Any:
    """aioboto3's session with the configured keys, or with none."""
    core = AioSession()
    loader = core.get_component("data_loader")
    # Making a client would read these large files in the event loop.
    for model in ("service-2", "paginators-1", "endpoint-rule-set-1"):
        loader.load_service_model("s3", model)
    loader.load_data_with_path("endpoints")
    return aioboto3.Session(
        aws_access_key_id=config.access_key_id,
        aws_secret_access_key=config.secret_access_key,
        aws_session_token=config.session_token,
        region_name=config.region,
        botocore_session=core,
    )
