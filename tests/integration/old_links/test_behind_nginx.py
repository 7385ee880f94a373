"""The nginx configuration that the documentation shows, run as it stands but for addresses, where there is an nginx."""

import asyncio
import contextlib
import re
import shutil
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from s3py_helper.domain.migration import Route
from tests.integration.old_links.deployment import LARGE, PICTURE, Deployment, move, route
from tests.support.fastdfs.site import FastdfsSite
from tests.support.fastdfs.special_files import raw_files
from tests.support.waiting import until

DOCUMENT = Path(__file__).parents[3] / "docs" / "old-links.md"
NGINX = shutil.which("nginx")

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(NGINX is None, reason="no nginx on PATH"),
]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@asynccontextmanager
async def _nginx(folder: Path, service: str, s3: str) -> AsyncGenerator[str]:
    [shown] = re.findall(r"^```nginx\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    port = _free_port()
    text = shown.replace("127.0.0.1:8080", f"127.0.0.1:{port}")
    text = text.replace("127.0.0.1:8000", urlsplit(service).netloc).replace("127.0.0.1:8333", urlsplit(s3).netloc)
    paths = "".join(
        f"{name}_temp_path {folder}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = text.replace("http {\n", f"http {{\naccess_log off;\n{paths}")
    (folder / "nginx.conf").write_text(f"daemon off;\npid {folder}/nginx.pid;\nerror_log {folder}/error.log;\n{text}")
    assert NGINX is not None
    arguments = ("-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf")
    process = await asyncio.create_subprocess_exec(NGINX, *arguments)
    try:
        await until(lambda: _answers(port) or process.returncode is not None)
        assert process.returncode is None, (folder / "error.log").read_text()
        yield f"http://127.0.0.1:{port}"
    finally:
        # The processes that it has started stop with it.
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def test_nginx_fetches_large_files_from_s3_itself(deployment: Deployment, fastdfs_site: FastdfsSite) -> None:
    async with raw_files(fastdfs_site.trackers[0]) as files, deployment.manager as manager:
        large, small = await files.upload(LARGE, "mp4"), await files.upload(PICTURE, "jpg")
        await move(manager, large, small)
        await route(manager, large.bucket, Route.S3_ONLY)
        link = await manager.link_service.fastdfs_link(str(large), file_name="Größe.mp4")
        little = await manager.link_service.fastdfs_link(str(small))
        settings = {
            "S3PY_FASTDFS_LINKS__REDIRECT_ABOVE": "100KiB",
            "S3PY_FASTDFS_LINKS__ACCEL_LOCATION": "/_s3/",
            "S3PY_ALLOWED_HOSTS": "files.example.com",
        }
        async with (
            deployment.service(**settings) as service,
            _nginx(deployment.folder, str(service.base_url), deployment.variables["S3PY_S3__ENDPOINT"]) as url,
            httpx.AsyncClient(base_url=url, timeout=20, headers={"Host": "files.example.com"}) as client,
        ):
            whole = await client.get(link)
            assert (whole.status_code, whole.content) == (200, LARGE)
            assert whole.headers.get_list("content-type") == ["video/mp4"]
            [disposition] = whole.headers.get_list("content-disposition")
            assert "filename*=UTF-8''Gr%C3%B6%C3%9Fe.mp4" in disposition
            part = await client.get(link, headers={"Range": "bytes=5-9", "If-Match": "*"})
            assert (part.status_code, part.content) == (206, LARGE[5:10])
            known = await client.head(link)
            assert known.status_code == 200
            same = await client.get(link, headers={"If-None-Match": known.headers["etag"]})
            assert (same.status_code, same.content) == (304, b"")
            assert (await client.get(little)).content == PICTURE
            assert (await client.get(f"/_s3/{large}")).status_code == 404, "nobody gets there from outside"
            assert (await client.get(link.replace("token=", "token=0"))).status_code == 400
