"""A transport without a network."""

import asyncio
from collections.abc import Iterable

from s3py_helper.adapters.s3.http.connection import HttpConnection


class FakeTransport(asyncio.Transport):
    """Attributes:
    written: What was handed to it.
    answers: What comes back, one for each request; an exception ends the connection.
    buffered: How much of what was written it says it still has.
    calls: What else was asked of it.
    """

    def __init__(self, protocol: HttpConnection) -> None:
        super().__init__()
        self.protocol = protocol
        self.written: list[bytes] = []
        self.answers: list[bytes | Exception] = []
        self.buffered = 0
        self.calls: list[str] = []
        self._closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))
        self._respond()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.written += [bytes(data) for data in list_of_data]
        self._respond()

    def get_write_buffer_size(self) -> int:
        return self.buffered

    def is_closing(self) -> bool:
        return self._closing

    def pause_reading(self) -> None:
        self.calls.append("pause")

    def resume_reading(self) -> None:
        self.calls.append("resume")

    def abort(self) -> None:
        self.lose(None)

    def lose(self, error: Exception | None) -> None:
        self._closing = True
        self.calls.append("closed")
        asyncio.get_running_loop().call_soon(self.protocol.connection_lost, error)

    def _respond(self) -> None:
        if not self.answers:
            return
        match self.answers.pop(0):
            case bytes() as data:
                asyncio.get_running_loop().call_soon(self.protocol.data_received, data)
            case Exception() as error:
                self.lose(error)
