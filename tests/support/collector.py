"""What is left to Python's collector of cycles."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def nothing_for_the_collector() -> Iterator[None]:
    """Fail when the block leaves frames of ours, and what they refer to, in cycles."""
    gc.collect()
    gc.disable()
    try:
        yield
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        left = [_described(found) for found in gc.garbage]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    cycles = [found for found in left if found is not None]
    assert not cycles, f"left to the collector: {cycles}"


def _described(found: object) -> str | None:
    match type(found).__name__:
        case "frame":
            return f"frame of {found.f_code.co_qualname}"  # type: ignore[attr-defined]  # it is one
        case "coroutine" | "async_generator" | "generator":
            return f"{found.__qualname__}"  # type: ignore[attr-defined]  # it has one
        case "bytes" | "Task":
            return repr(found)[:80]
        case _:
            return None
