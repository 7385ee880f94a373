"""What a response must show before its success is believed.

A 2xx status alone proves little: captive portals and misconfigured proxies respond to everything with 200 and a page of
their own, and S3 itself may begin a response with 200 and end it with an error document.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from s3py_helper.adapters.s3.api.error_response import parse_error_response
from s3py_helper.adapters.s3.http.client import Response
from s3py_helper.adapters.s3.http.faults import HttpFault

LARGEST_BODY: Final = 64 * 1024
"""Bytes that are read of a body where none should be; S3's error documents have one or two thousand."""

_CONTENT: Final = frozenset({200, 206})
_STORED: Final = frozenset({200, 201, 204})
_DONE: Final = frozenset({200, 204})


class NotConfirmed(Exception):
    """A response claims success without showing that it comes from S3."""


async def content_follows(response: Response) -> Response:
    """The response to a GET of an object, whose body is still to come."""
    if response.status not in _CONTENT:
        raise NotConfirmed(f"status {response.status} is no response to a request for bytes")
    _require_etag(response.headers)
    return response


async def object_described(response: Response) -> Mapping[str, str]:
    """The headers of the response to a HEAD of an object."""
    headers = await bucket_described(response)
    _require_etag(headers)
    return headers


async def bucket_described(response: Response) -> Mapping[str, str]:
    """The headers of the response to a HEAD of a bucket; whether S3 responded, only `sent_by_s3` tells."""
    if response.status not in _DONE:
        raise NotConfirmed(f"status {response.status} is no response to a request for a description")
    return response.headers


def sent_by_s3(headers: Mapping[str, str]) -> bool:
    """Whether the headers alone show that S3 responded: Amazon and most others put the request's id there."""
    return any(name.startswith("x-amz-") for name in headers)


def may_be_a_page(headers: Mapping[str, str]) -> bool:
    """Whether an object may be somebody's web page instead: web servers give their pages an ETag as well."""
    return headers.get("content-type", "").startswith("text/html") and not sent_by_s3(headers)


async def stored(response: Response) -> Mapping[str, str]:
    """The headers that confirm a PUT: with an `ETag`, and without a body that says otherwise."""
    if response.status not in _STORED:
        raise NotConfirmed(f"status {response.status} does not confirm that the bytes were stored")
    if not response.is_empty:
        await _require_no_objection(response)
    if not response.headers.get("etag"):
        raise NotConfirmed("it does not confirm that the bytes were stored: its response has no ETag")
    return response.headers


async def done(response: Response) -> None:
    """Return when the response confirms a DELETE."""
    if response.status not in _DONE:
        raise NotConfirmed(f"status {response.status} does not confirm that it was done")
    if not response.is_empty:
        await _require_no_objection(response)


async def beginning(response: Response) -> bytes:
    """As much of a body as is worth reading where no content is expected."""
    body = b""
    while len(body) < LARGEST_BODY and (chunk := await response.read()):
        body += chunk
    return body


async def refusal(response: Response) -> bytes:
    """As much of an error document as has come, even if the connection broke then: the status is what counts."""
    body = b""
    with suppress(HttpFault, OSError):
        while len(body) < LARGEST_BODY and (chunk := await response.read()):
            body += chunk
    return body


def _require_etag(headers: Mapping[str, str]) -> None:
    """Every service gives each object one; most pages that come in its place have none."""
    if not headers.get("etag"):
        raise NotConfirmed("it does not show that this is the object: it has no ETag; is the endpoint an S3 service?")


async def _require_no_objection(response: Response) -> None:
    """Raise unless the body is harmless: some servers send a few words, but none that speaks S3 sends a web page."""
    with response:
        body = (await beginning(response)).lstrip()
    if not body.startswith(b"<"):
        return
    if b"<Error" in body:
        raise parse_error_response(response.status, response.headers, body)
    if b"<html" in body[:1024].lower() or b"<!doctype" in body[:1024].lower():
        raise NotConfirmed("it responds with a web page: is the endpoint that of an S3 service?")
