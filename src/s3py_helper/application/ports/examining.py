"""The optional ability of a backend to try out what is peculiar to it."""

from collections.abc import Sequence
from typing import Protocol

from s3py_helper.application.ports.examined import Examined


class SelfExamination(Protocol):
    """A backend that tries each permission by itself, and the rules of its server."""

    async def examine(self, prefix: str) -> Sequence[Examined]:
        """Try each thing, whatever happens to the others; does not raise when one of them fails.

        What it stores begins with `prefix`, and is removed again.
        """
        ...
