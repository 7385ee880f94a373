"""How far a transfer has come, for callers that want to know."""

import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

from s3py_helper.application.streams.sources import as_bytes
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.text_rules import shortened

type Progress = Callable[[int, int | None], object]
"""Called with the number of bytes that have passed and the total, `None` where that is unknown.

In an upload those that were read from its source have passed; in a download those received, counted from the first
requested one and, for a resumed file, including those already there. A copy within a backend is reported once, when it
is done, an empty file not at all.

It is called in the event loop, for each chunk, and should return at once; what it raises ends the transfer.
"""


def require_progress(progress: Progress) -> Progress:
    """The function, if it can be called like this.

    Raises:
        InvalidArgumentException: It cannot, or is a coroutine function, whose coroutines nobody would await.
    """
    if not _takes_two(progress):
        raise InvalidArgumentException(
            "progress is an ordinary function that takes two numbers, the bytes so far and all of them (or None), "
            f"got {shortened(progress)}"
        )
    return progress


def _takes_two(given: object) -> bool:
    if not callable(given) or inspect.iscoroutinefunction(given):
        return False
    try:
        inspect.signature(given).bind(0, None)
    except TypeError:
        return False
    except ValueError:
        pass  # functions written in C need not have a signature
    return True


async def reporting(chunks: AsyncIterator[bytes], progress: Progress, total: int | None) -> AsyncGenerator[bytes]:
    """The chunks, each reported before it is passed on. Closes them, where they can be closed."""
    done = 0
    try:
        async for chunk in chunks:
            done += len(as_bytes(chunk, "the async iterator"))
            progress(done, total)
            yield chunk
    finally:
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()


@asynccontextmanager
async def reported(
    chunks: AsyncIterator[bytes], progress: Progress | None, total: int | None
) -> AsyncGenerator[AsyncIterator[bytes]]:
    """The chunks, reported if there is a function; to be read within the block, not necessarily to their end."""
    if progress is None:
        yield chunks
        return
    async with aclosing(reporting(chunks, progress, total)) as reporting_chunks:
        yield reporting_chunks


def together(progress: Progress) -> Callable[[], Progress]:
    """Makes functions for several transfers, which report all of them as one."""
    done: list[int] = []

    def one() -> Progress:
        number = len(done)
        done.append(0)

        def report(so_far: int, _total: int | None) -> object:
            done[number] = so_far
            return progress(sum(done), None)

        return report

    return one
