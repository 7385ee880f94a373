"""From the SDK's errors to what they mean here. Imported with the SDK only."""

from http import HTTPStatus
from typing import Any, Final

import aiohttp
from botocore import exceptions as sdk  # type: ignore[import-untyped]  # it ships no types

from s3py_helper.adapters.s3.api.error_response import ErrorResponse
from s3py_helper.adapters.s3.api.errors import Failure, failure_of_response
from s3py_helper.adapters.s3.api.errors import failure_of as transport_failure_of
from s3py_helper.domain.errors import (
    AccessDeniedException,
    IntegrityException,
    InvalidArgumentException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)

# The first that fits counts. Reasons are our own words: the SDK's may quote a URL or a parameter.
_TABLE: Final[tuple[tuple[tuple[type[Exception], ...], type[StorageException], str], ...]] = (
    ((sdk.SSLError,), StorageOperationException, "no TLS connection"),
    ((sdk.ProxyConnectionError,), StorageUnavailableException, "no connection to the proxy"),
    ((sdk.ConnectTimeoutError, sdk.ReadTimeoutError), StorageUnavailableException, "no response in time"),
    ((sdk.EndpointConnectionError, sdk.ConnectionError), StorageUnavailableException, "no connection"),
    ((sdk.ResponseStreamingError, sdk.IncompleteReadError), StorageUnavailableException, "the response broke off"),
    ((sdk.HTTPClientError,), StorageUnavailableException, "the connection failed"),
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
        "the credential chain gives no usable keys",
    ),
    ((sdk.MetadataRetrievalError,), StorageUnavailableException, "the service that hands out keys does not respond"),
    ((sdk.ChecksumError, sdk.FlexibleChecksumError), IntegrityException, "the checksum does not fit the bytes"),
    (
        (sdk.ParamValidationError, sdk.ValidationError, sdk.MissingParametersError, sdk.InvalidDNSNameError),
        InvalidArgumentException,
        "the SDK does not accept an argument",
    ),
    ((sdk.BotoCoreError, sdk.UndefinedModelAttributeError), StorageOperationException, "the SDK failed"),
    # aiohttp carries the SDK's requests; the SDK lets some of its errors through.
    ((aiohttp.ClientSSLError, aiohttp.InvalidURL), StorageOperationException, "no connection that could be trusted"),
    ((aiohttp.ServerTimeoutError,), StorageUnavailableException, "no response in time"),
    ((aiohttp.ClientPayloadError,), StorageUnavailableException, "the response broke off"),
    ((aiohttp.ClientError,), StorageUnavailableException, "the connection failed"),
)


def failure_of(error: Exception) -> Failure | None:
    """What an error of an SDK call means; `None` for one that comes from neither the SDK nor the network."""
    if isinstance(error, sdk.ClientError):
        return failure_of_response(error_response_of(error.response))
    for origins, kind, reason in _TABLE:
        if isinstance(error, origins):
            return Failure(kind, f"{reason} ({type(error).__name__})")
    return transport_failure_of(error)


def error_response_of(response: dict[str, Any]) -> ErrorResponse:
    """What the `response` of a `ClientError` says."""
    error, metadata = response.get("Error", {}), response.get("ResponseMetadata", {})
    code = str(error.get("Code", ""))
    # For a response without a body the SDK makes up a code and a message from the status.
    message = "" if code.isdecimal() and code in {str(status.value) for status in HTTPStatus} else error.get("Message")
    return ErrorResponse(int(metadata.get("HTTPStatusCode", 0)), code, str(message or ""), metadata.get("HTTPHeaders"))
