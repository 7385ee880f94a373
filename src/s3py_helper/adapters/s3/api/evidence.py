"""What a response must show before its success is believed.

A status 2xx alone proves little: captive portals and misconfigured proxies respond to everything with 200 and a page of
their own, and S3 itself may begin a response with 200 and end it with an error document.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from s3py_helper.adapters.s3.api.error_response import parse_error_response
from s3py_helper.adapters.s3.http.client import Response
from s3py_helper.adapters.s3.http.faults import HttpFault

LARGEST_BODY: Final = 64 * 1024
"""Bytes of a response's body that are read where it should have none; S3's error documents have one or two thousand."""

_CONTENT: Final = frozenset({200, 206})
_STORED: Final = frozenset({200, 201, 204})
_DONE: Final = frozenset({200, 204})


class NotConfirmed(Exception):
    """A response says that all is well, and does not show that S3 has said so."""


async def content_follows(response: Response) -> Response:
    """The response to a GET, whose body is still to come."""
    if response.status not in _CONTENT:
        raise NotConfirmed(f"status {response.status} is no response to a request for bytes")
    return response


async def described(response: Response) -> Mapping[str, str]:
    """The headers of the response to a HEAD."""
    if response.status not in _DONE:
        raise NotConfirmed(f"status {response.status} is no response to a request for a description")
    return response.headers


def sent_by_s3(headers: Mapping[str, str]) -> bool:
    """Whether headers alone show it: Amazon's service and most others put the id of the request there."""
    return any(name.startswith("x-amz-") for name in headers)


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
    """Whatever confirms a DELETE."""
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


async def _require_no_objection(response: Response) -> None:
    """Most responses have no body. Some servers send a few words; a page is nobody's who knows S3."""
    with response:
        body = (await beginning(response)).lstrip()
    if not body.startswith(b"<"):
        return
    if b"<Error" in body:
        raise parse_error_response(response.status, response.headers, body)
    if b"<html" in body[:1024].lower() or b"<!doctype" in body[:1024].lower():
        raise NotConfirmed("it responds with a web page: is the endpoint that of an S3 service?")
