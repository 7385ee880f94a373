"""What stands between clients and the service: whether it is reached, and whether bodies pass as they come."""

import http.client
import json
import select
import time
from contextlib import closing
from typing import Final
from urllib.parse import SplitResult, urlsplit

from s3py_helper.application.ports.examined import Examined, Verdict
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.text_rules import shortened
from s3py_helper.entrypoints.stamps import BLOCK, BLOCKS, STAMP, STAMPED_PATH

_SUBJECT: Final = "service"
_PATIENCE: Final = 5.0
"""Seconds within which a refusal comes that needs no more than the head of a request."""
_LONG_PATIENCE: Final = 30.0
_LOOK: Final = 0.5
_DECLARED: Final = 1024 * 1024
_SENT: Final = 1024
_LARGEST_HEALTH: Final = 64 * 1024
_STALL: Final = 3.0
"""Seconds for which a response is not read: a service that is held back by that has most of it still to send then."""
_NGINX: Final = "nginx: proxy_request_buffering off; proxy_buffering off;"
_OURS: Final = b"urn:problem-type:s3py-helper:"


def examine_front(url: str) -> list[Examined]:
    """Try the service at its public address.

    An upload that the service refuses for its head alone is begun, and its body kept back: who waits for the body
    before passing on the head is a proxy that buffers. A response in which stands when each block was sent is
    not read for a while: where its end had been sent before, something has taken it in the client's place.

    Raises:
        InvalidArgumentException: This is no address of a service.
    """
    address = urlsplit(url)
    if address.scheme not in {"http", "https"} or not address.hostname:
        raise InvalidArgumentException(f"a service has an address like https://files.example.com, got {shortened(url)}")
    try:
        status, answered = _health(address)
    except (OSError, http.client.HTTPException) as error:
        mend = "check the address, and whether it runs"
        return [Examined(_SUBJECT, "reached", Verdict.FAILS, f"{url}: {error}", mend)]
    if status not in {200, 503} or not answered:
        says = f"/health is answered with {status}" + ("" if answered else ", and not by the service")
        return [Examined(_SUBJECT, "reached", Verdict.FAILS, says, "check the address, and what is in front of it")]
    return [Examined(_SUBJECT, "reached", Verdict.WORKS), _uploads(address), _downloads(address)]


def _health(address: SplitResult) -> tuple[int, bool]:
    """The status, and whether it is the service that responds: any web page has the status 200 as well."""
    with closing(_connection(address)) as connection:
        connection.request("GET", f"{address.path.rstrip('/')}/health")
        response = connection.getresponse()
        body = response.read(_LARGEST_HEALTH)
    try:
        told: object = json.loads(body)
    except ValueError:
        return response.status, False
    return response.status, isinstance(told, dict) and "status" in told


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
            _NGINX,
        )
    except (OSError, http.client.HTTPException) as error:
        return Examined(_SUBJECT, ability, Verdict.WARNING, f"a refused upload broke off: {error}")
    if _OURS not in body:
        return Examined(_SUBJECT, ability, Verdict.WARNING, f"something in front of it answered with {status}")
    return Examined(_SUBJECT, ability, Verdict.WORKS)


def _downloads(address: SplitResult) -> Examined:
    ability = "downloads arrive as they are sent"
    try:
        status, sent_after = _held_back(address)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Examined(_SUBJECT, ability, Verdict.WARNING, f"a response broke off: {error}")
    if status != http.client.OK:
        return Examined(_SUBJECT, ability, Verdict.LACKS, f"{STAMPED_PATH} is answered with {status}: cannot be told")
    if sent_after < _STALL / 2:
        says = "a proxy in front of it takes what clients have not fetched yet, and keeps it"
        return Examined(_SUBJECT, ability, Verdict.WARNING, says, _NGINX)
    return Examined(_SUBJECT, ability, Verdict.WORKS)


def _held_back(address: SplitResult) -> tuple[int, float]:
    """Status, and after how many seconds the service could send the last block to a client that did not read."""
    # Who collects it as a whole needs some time for that.
    with closing(_connection(address, _LONG_PATIENCE)) as connection:
        connection.request("GET", f"{address.path.rstrip('/')}{STAMPED_PATH}")
        response = connection.getresponse()
        if response.status != http.client.OK:
            return response.status, 0.0
        time.sleep(_STALL)
        block = b""
        for _ in range(BLOCKS):
            block = response.read(BLOCK)
        return response.status, float(block[:STAMP])


def _refusal(address: SplitResult) -> tuple[int, bytes]:
    with closing(_connection(address)) as connection:
        connection.putrequest("POST", f"{address.path.rstrip('/')}/files/upload")
        connection.putheader("Content-Type", "text/plain")
        connection.putheader("Content-Length", str(_DECLARED))
        connection.endheaders()
        # A little at a time: proxies written in Go pass a response on when the next bytes of the request have come.
        for _ in range(int(_PATIENCE / _LOOK)):
            connection.send(bytes(_SENT))
            if select.select([connection.sock], [], [], _LOOK)[0]:
                break
        else:
            raise TimeoutError
        response = connection.getresponse()
        return response.status, response.read()


def _connection(address: SplitResult, patience: float = _PATIENCE) -> http.client.HTTPConnection:
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    return kind(address.hostname or "", address.port, timeout=patience)
