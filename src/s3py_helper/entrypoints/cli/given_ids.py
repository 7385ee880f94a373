"""Ids from the arguments of a command, or from its standard input."""

import json
from collections.abc import AsyncGenerator, Iterable
from typing import Final, cast

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.text_rules import shortened
from s3py_helper.entrypoints.cli.local_files import chunks_of_stdin
from s3py_helper.entrypoints.cli.output import STANDARD_STREAM

_LONGEST_LINE: Final = 64 * 1024


async def given_ids(arguments: Iterable[str]) -> AsyncGenerator[str]:
    """The ids, in order; where `-` stands for one, those on standard input, as soon as each has come.

    A line is an id, or an object with a `file_id`, as `--json` writes it. Empty lines are passed over.

    Raises:
        InvalidArgumentException: A line is neither, or longer than 64 KiB.
    """
    for argument in arguments:
        if argument != STANDARD_STREAM:
            yield argument
            continue
        number = 0
        async for line in _lines_of_stdin():
            number += 1
            if text := line.strip():
                yield _id_in(text, number)


async def _lines_of_stdin() -> AsyncGenerator[str]:
    rest = b""
    async for chunk in chunks_of_stdin():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.decode(errors="replace")
        if len(rest) > _LONGEST_LINE:
            raise InvalidArgumentException("standard input is no list of ids: a line has more than 64 KiB")
    yield rest.decode(errors="replace")


def _id_in(text: str, number: int) -> str:
    if not text.startswith("{"):
        return text
    try:
        file_id = cast("dict[str, object]", json.loads(text)).get("file_id")
    except json.JSONDecodeError:
        file_id = None
    if not isinstance(file_id, str):
        raise InvalidArgumentException(
            f"line {number} of standard input is neither an id nor an object with a file_id: {shortened(text)}"
        )
    return file_id
