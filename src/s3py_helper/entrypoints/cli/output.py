"""Results on standard output: one line for each file, as text or as JSON."""

import sys
from typing import Final

from pydantic import BaseModel

STANDARD_STREAM: Final = "-"
"""Standard input or output, in the place of a file."""


def write_line(text: str) -> None:
    """One line, at once: the reader may be waiting for it."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def json_line(value: BaseModel) -> str:
    """The value without what is not known."""
    return value.model_dump_json(exclude_none=True)
