"""Results on standard output: one line for each file, as text or as JSON. What is no result goes to standard error."""

import sys
from typing import Final

from pydantic import BaseModel

STANDARD_STREAM: Final = "-"
"""Standard input or output, in the place of a file."""


def write_line(text: str) -> None:
    """One line, at once: the reader may be waiting for it."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """Tell the user something that is no result."""
    sys.stderr.write(f"s3py: {text}\n")
    sys.stderr.flush()


def json_line(value: BaseModel) -> str:
    """The value without what is not known."""
    return value.model_dump_json(exclude_none=True)
