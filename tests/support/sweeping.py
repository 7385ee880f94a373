"""Whatever is given to the methods of a service: what comes out is an error of the kit that says what is wrong."""

import inspect
import io
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

from s3py_helper.storage import FileDownload, StorageException


async def _numbers() -> AsyncIterator[int]:
    yield 72


def wrong_values() -> Iterator[object]:
    """Fresh ones each time: some can be used once."""
    yield from (None, True, 0, 5, -1, 10**40, 3.5, float("nan"), float("inf"))
    yield from ("", " ", "text", "a\0b", "a\nb", "\udc80", "../x", "s3:", "é" * 300)
    yield from (b"", b"bytes", bytearray(b"x"), memoryview(b"xyz")[::2])
    yield from ([], [5], ["a"], [None], (1, 2), set(), {}, {"a": 1}, {5: "a"}, range(3), iter([1]))
    yield from (object(), object, ValueError("x"), len, timedelta(1), timedelta(-1), timedelta(days=10**8))
    yield from (io.StringIO("x"), io.BytesIO(b"abc"), _numbers(), FileDownload(file_id="a"))


class FormFile:
    """A file from a form, as far as uploads need it."""

    filename = "a.txt"
    size = None
    content_type = None

    async def read(self, _size: int = -1) -> bytes:
        return b""

    async def seek(self, _offset: int) -> None:
        """It has nothing to go to."""


def _right_values(file_id: str) -> dict[str, object]:
    """What each parameter without a default may be."""
    return {
        "attaches": [],
        "body": b"abc",
        "bucket": "demo",
        "content": b"abc",
        "file": FormFile(),
        "file_id": file_id,
        "file_name": "a.txt",
        "files": [],
        "file_buffer": b"abc",
        "key": "a.txt",
        "local_path": "a.txt",
        "master_id": file_id,
        "metadata": {"a": "b"},
        "offset": 0,
        "out": io.BytesIO(),
        "part_data": b"abc",
        "part_number": 1,
        "part_size": 3,
        "path": "a.txt",
        "parts": [{"PartNumber": 1, "ETag": "x"}],
        "prefix": "_big",
        "stream": b"abc",
        "upload_file": FormFile(),
        "upload_id": "x",
    }


async def _used(returned: object) -> None:
    """Do with it what callers do: await it, enter it, read it to its end."""
    if inspect.iscoroutine(returned):
        returned = await returned
    if isinstance(returned, AbstractAsyncContextManager):
        async with returned as opened:
            async for _ in opened.body:
                pass
    elif inspect.isasyncgen(returned):
        async for _ in returned:
            pass


_RAW = re.compile(r"object has no attribute|is not iterable|unsupported operand|bytes-like object|not subscriptable")


def assert_plain(error: StorageException) -> None:
    """It speaks of what is wrong, and not in Python's words for it."""
    text = str(error)
    assert text
    assert not _RAW.search(text), text


def methods_of(service: object) -> list[Callable[..., object]]:
    """The public methods, found by reflection: a new one is swept from its first day."""
    return [method for name, method in inspect.getmembers(service, inspect.ismethod) if not name.startswith("_")]


async def swept(service: object, file_id: str, **special: object) -> int:
    """Sweep all methods of a service."""
    return sum([await swept_method(method, file_id, **special) for method in methods_of(service)])


async def swept_method(method: Callable[..., object], file_id: str, **special: object) -> int:
    """Call it with each wrong value in the place of each argument; gives the number of calls.

    `special` are right values of arguments that have no default.
    """
    calls = 0
    parameters = inspect.signature(method).parameters
    for name in parameters:
        for value in wrong_values():
            right = _right_values(file_id) | special
            given = {each.name: right[each.name] for each in parameters.values() if each.default is each.empty}
            calls += 1
            try:
                await _used(method(**given | {name: value}))
            except StorageException as error:
                assert_plain(error)
            except OSError:
                if "path" not in parameters:  # what is wrong with a file of the local disk is told as Python tells it
                    raise
            except Exception as error:
                error.add_note(f"{method.__qualname__}({name}={value!r})")
                raise
    return calls
