"""Counts what Python executes, exactly: no clock is read, so a busy machine counts the same as an idle one."""

import sys
from types import CodeType, TracebackType
from typing import Final, Self

_EVENTS: Final = sys.monitoring.events
# Ids 0, 1, 2 and 5 belong to debuggers, coverage, profilers and optimizers.
_TOOL: Final = 4


class Counter:
    """Counts while its block runs, in every thread of the process.

    Attributes:
        calls: Functions of Python that were entered; resuming a coroutine is no call.
        instructions: Instructions of bytecode that were executed: grows with loops that call nothing.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.instructions = 0

    def __enter__(self) -> Self:
        sys.monitoring.use_tool_id(_TOOL, "s3py-helper guard")
        sys.monitoring.register_callback(_TOOL, _EVENTS.PY_START, self._call)
        sys.monitoring.register_callback(_TOOL, _EVENTS.INSTRUCTION, self._instruction)
        sys.monitoring.set_events(_TOOL, _EVENTS.PY_START | _EVENTS.INSTRUCTION)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sys.monitoring.set_events(_TOOL, _EVENTS.NO_EVENTS)
        sys.monitoring.free_tool_id(_TOOL)

    def _call(self, _code: CodeType, _offset: int) -> None:
        self.calls += 1

    def _instruction(self, _code: CodeType, _offset: int) -> None:
        self.instructions += 1
