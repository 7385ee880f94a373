"""One request and its response, byte by byte: no library between that would repair either."""

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def __getitem__(self, name: str) -> str:
        """The only header of that name; empty where there is none."""
        values = [value for known, value in self.headers if known == name]
        assert len(values) <= 1, f"{name} comes {len(values)} times"
        return values[0] if values else ""


async def ask(url: str, method: str, path: str, headers: list[str], body: bytes = b"") -> Answer:
    """Send a request on a connection of its own."""
    host, port = url.removeprefix("http://").split(":")
    sized = [f"Content-Length: {len(body)}"] if method in {"PUT", "POST", "PATCH"} else []
    kept = [] if any(line.lower().startswith("connection:") for line in headers) else ["Connection: close"]
    head = [f"{method} {path} HTTP/1.1", f"Host: {host}:{port}", *headers, *sized, *kept, "", ""]
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        async with asyncio.timeout(30):
            writer.write("\r\n".join(head).encode("latin-1") + body)
            received = await reader.read()
    finally:
        writer.transport.abort()
    told, _, content = received.partition(b"\r\n\r\n")
    line, *lines = told.decode("latin-1").split("\r\n")
    pairs = [line.partition(":")[::2] for line in lines]
    return Answer(int(line.split()[1]), [(name.lower(), value.strip()) for name, value in pairs], content)
