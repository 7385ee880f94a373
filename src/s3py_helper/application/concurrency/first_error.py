"""One error in place of a group of them."""

from collections.abc import Awaitable


async def first_error_of[T](work: Awaitable[T]) -> T:
    """The result of work that runs a task group; when several tasks fail, the error of the first that did.

    Callers handle one error of one file; the others merely follow from it.
    """
    try:
        return await work
    except BaseExceptionGroup as group:
        error = group.exceptions[0]
        # `TaskGroup` of Python 3.12 and 3.13.0 has a name for the group in a frame of this traceback.
        group.__traceback__ = None
    # Raised here, it does not refer to the group, which refers to it; nor does this frame, to which its traceback
    # refers. Such a cycle keeps everything on the way in memory until Python looks for cycles.
    try:
        raise error
    finally:
        del error
