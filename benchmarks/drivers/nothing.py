"""No library at all: what a start costs anyway."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.child.store import Store, Target


class Nowhere(Store):
    async def put(self, name: str, content: bytes) -> str:  # noqa: ARG002 - it goes nowhere
        return name


@asynccontextmanager
async def open_store(_target: Target) -> AsyncIterator[Store]:
    yield Nowhere()
