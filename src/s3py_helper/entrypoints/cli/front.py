"""What stands between clients and the service: whether it is reached, and whether uploads arrive as they are sent."""

import http.client
from contextlib import closing
from typing import Final
from urllib.parse import SplitResult, urlsplit

from s3py_helper.application.diagnosis.examined import Examined, Verdict
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.text_rules import shortened

_SUBJECT: Final = "service"
_PATIENCE: Final = 5.0
"""Seconds within which a refusal comes that needs no more than the head of a request."""
_DECLARED: Final = 1024 * 1024
_SENT: Final = 1024
_OURS: Final = b"urn:problem-type:s3py-helper:"


def examine_front(url: str) -> list[Examined]:
    """Try the service at its public address.

    An upload that the service refuses for its head alone is begun, and its body kept back: who waits for the body
    before passing on the head is a proxy that buffers.

    Raises:
        InvalidArgumentException: This is no address of a service.
    """
    address = urlsplit(url)
    if address.scheme not in {"http", "https"} or not address.hostname:
        raise InvalidArgumentException(f"a service has an address like https://files.example.com, got {shortened(url)}")
    try:
        status = _health(address)
    except (OSError, http.client.HTTPException) as error:
        mend = "check the address, and whether it runs"
        return [Examined(_SUBJECT, "reached", Verdict.FAILS, f"{url}: {error}", mend)]
    if status not in {200, 503}:
        says = f"/health is answered with {status}"
        return [Examined(_SUBJECT, "reached", Verdict.FAILS, says, "check the address, and what is in front of it")]
    return [Examined(_SUBJECT, "reached", Verdict.WORKS), _uploads(address)]


def _health(address: SplitResult) -> int:
    with closing(_connection(address)) as connection:
        connection.request("GET", f"{address.path.rstrip('/')}/health")
        return connection.getresponse().status


def _uploads(address: SplitResult) -> Examined:
    ability = "uploads arrive as they are sent"
    try:
        status, body = _refusal(address)
    except TimeoutError:
        return Examined(
            _SUBJECT,
            ability,
            Verdict.WARNING,
            "a proxy in front of it keeps them until they are whole",
            "nginx: proxy_request_buffering off; proxy_buffering off;",
        )
    except (OSError, http.client.HTTPException) as error:
        return Examined(_SUBJECT, ability, Verdict.WARNING, f"a refused upload broke off: {error}")
    if _OURS not in body:
        return Examined(_SUBJECT, ability, Verdict.WARNING, f"something in front of it answered with {status}")
    return Examined(_SUBJECT, ability, Verdict.WORKS)


def _refusal(address: SplitResult) -> tuple[int, bytes]:
    with closing(_connection(address)) as connection:
        connection.putrequest("POST", f"{address.path.rstrip('/')}/files/upload")
        connection.putheader("Content-Type", "text/plain")
        connection.putheader("Content-Length", str(_DECLARED))
        connection.endheaders()
        connection.send(bytes(_SENT))
        response = connection.getresponse()
        return response.status, response.read()


def _connection(address: SplitResult) -> http.client.HTTPConnection:
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    return kind(address.hostname or "", address.port, timeout=_PATIENCE)
