"""What is made when it is first needed, made beforehand."""

import asyncio
import os
import time
from functools import cache
from typing import Final

from s3py_helper.domain.content_type import guess_content_type
from s3py_helper.domain.files import FileAttach, FileBasicInfo, FileDownload

_THREADS: Final = min(4, os.cpu_count() or 1) + 1
"""As many as an archive keeps busy: those that compress, and one that writes."""

_LONG_ENOUGH: Final = 0.001
"""Seconds that a thread is kept busy so that the next job gets one of its own."""


async def warm_up() -> None:
    """Spend some 25 ms that the first requests would hold the event loop up.

    Starting a thread holds it up until the thread runs, which takes milliseconds on a busy machine.
    """
    await asyncio.to_thread(_make_tables)
    await asyncio.gather(*(asyncio.to_thread(time.sleep, _LONG_ENOUGH) for _ in range(_THREADS)))


@cache
def _make_tables() -> None:
    # Python reads the system's tables of media types, too, before it makes one without them.
    guess_content_type("a.txt")
    for model in (FileAttach, FileBasicInfo, FileDownload):
        model.model_rebuild()
