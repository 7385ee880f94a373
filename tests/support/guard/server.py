"""A small S3 in a process of its own, so that what it costs is not counted: objects in memory, checksums confirmed.

It serves on a free local port, which it prints first, until its standard input ends.
"""

import asyncio
import hashlib
import sys
from email.utils import formatdate

from aiohttp import web

# What a GET or HEAD gives back of what came with the object.
_KEPT = ("content-type", "x-amz-checksum-", "x-amz-meta-")


class Objects:
    def __init__(self) -> None:
        self._objects: dict[str, tuple[bytes, dict[str, str]]] = {}

    async def respond(self, request: web.BaseRequest) -> web.StreamResponse:
        match request.method:
            case "PUT":
                return await self._put(request)
            case "DELETE":
                self._objects.pop(request.path, None)
                return web.Response(status=204)
            case _:
                return self._get(request.path)

    async def _put(self, request: web.BaseRequest) -> web.Response:
        content = await request.read()
        kept = {name: value for name, value in request.headers.items() if name.lower().startswith(_KEPT)}
        etag = {"ETag": f'"{hashlib.md5(content).hexdigest()}"', "Last-Modified": formatdate(usegmt=True)}
        self._objects[request.path] = content, kept | etag
        checksums = {name: value for name, value in kept.items() if name.lower().startswith("x-amz-checksum-")}
        return web.Response(headers=etag | checksums)

    def _get(self, path: str) -> web.Response:
        if path not in self._objects:
            return web.Response(
                status=404, text="<Error><Code>NoSuchKey</Code></Error>", content_type="application/xml"
            )
        content, headers = self._objects[path]
        return web.Response(body=content, headers=headers)


async def _serve() -> None:
    runner = web.ServerRunner(web.Server(Objects().respond))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sys.stdout.write(f"{runner.addresses[0][1]}\n")
    sys.stdout.flush()
    # Also when the process that started this one is killed, its end of the pipe is closed.
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_serve())
