"""The body of a request while it arrives, as fast as is asked of its sender."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from time import monotonic

from fastapi import Request

from s3py_helper.entrypoints.http.limits.errors import RequestTimedOutException


async def arriving_body(request: Request, *, idle_timeout: float, min_rate: float) -> AsyncGenerator[bytes]:
    """Yield the body in chunks, none of them empty, and give up a client that sends too little for too long.

    The client has `idle_timeout` seconds of credit. Waiting for it uses credit up, each byte earns 1/`min_rate`
    seconds, and there is never more than at the start: so a pause may be as long as the timeout, but a byte now and
    then does not keep a connection for ever. Only the time in which no byte lies ready counts: a slow backend is not
    the client's fault.

    Args:
        request: Whose body it is.
        idle_timeout: Seconds.
        min_rate: Bytes per second; 0 lets each byte restore all of the credit.

    Raises:
        RequestTimedOutException: The credit is used up.
        ClientDisconnect: The client has gone.
    """
    credit = idle_timeout
    async with aclosing(request.stream()) as stream:
        while True:
            began = monotonic()
            try:
                async with asyncio.timeout(credit):
                    chunk = await anext(stream)
            except TimeoutError:
                raise _too_slow(idle_timeout, min_rate) from None
            if not chunk:
                return
            earned = len(chunk) / min_rate if min_rate else idle_timeout
            credit = min(idle_timeout, credit - (monotonic() - began) + earned)
            yield chunk


async def each_of(chunks: Iterable[bytes]) -> AsyncGenerator[bytes]:
    """Chunks that have come, as a body."""
    for chunk in chunks:
        yield chunk


def _too_slow(idle_timeout: float, min_rate: float) -> RequestTimedOutException:
    least = f"at least {min_rate:g} bytes per second have" if min_rate else "a byte has"
    return RequestTimedOutException(f"the request came too slowly: within {idle_timeout:g} s {least} to come")
