"""The service under a path of a proxy, which removes that path or leaves it."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
from pydantic import SecretStr

from s3py_helper.entrypoints.container.config import FilesystemConfig
from s3py_helper.entrypoints.http import create_app
from s3py_helper.entrypoints.settings import Settings
from tests.integration.service.process import serving
from tests.integration.service.running import served

pytestmark = pytest.mark.timeout(60)

ROOT = "/storage"


class _Proxy(httpx.AsyncBaseTransport):
    """Sends what comes for the path on to the service."""

    def __init__(self, *, removes: bool) -> None:
        self._removes = removes
        self._inner = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path
        assert path.startswith(ROOT.encode()), f"{path!r} leads past the service"
        if self._removes:
            request.url = request.url.copy_with(raw_path=path.removeprefix(ROOT.encode()) or b"/")
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


@pytest.fixture(params=[True, False], ids=["removed", "left"])
async def client(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings(
        _env_file=None,
        filesystem=FilesystemConfig(root=tmp_path),
        root_path=ROOT,
        link_keys={"k1": SecretStr("an-invented-secret-of-enough-characters")},
        rate_limit=0.001,
        rate_burst=30,
    )
    async with served(create_app(settings), http="ours") as url:
        transport = _Proxy(removes=request.param)
        async with httpx.AsyncClient(base_url=url, transport=transport, timeout=20) as client:
            yield client


async def test_addresses_that_the_service_tells_lead_back_to_it(client: httpx.AsyncClient) -> None:
    put = await client.put(f"{ROOT}/files/a%20b.txt", content=b"hello")
    named = {"Content-Disposition": 'attachment; filename="a.txt"'}
    posted = await client.post(f"{ROOT}/files", content=b"hello", headers=named)
    copied = await client.post(f"{put.headers['location']}/copy")
    for answer in (put, posted, copied):
        assert answer.status_code == 201, answer.text
        location = answer.headers["location"]
        assert location == f"{ROOT}/files/{answer.json()['file_id']}"
        for end in ("", "/download", "?inline=1"):
            assert (await client.get(location + end)).content == b"hello"
        assert (await client.get(f"{location}/info")).json()["file_size"] == 5
    link = (await client.post(f"{put.headers['location']}/links")).json()["url"]
    assert (await client.get(link)).content == b"hello"
    page = await client.get(f"{ROOT}/files?limit=1")
    following = urljoin(f"{ROOT}/files?limit=1", page.links["next"]["url"])
    assert len((await client.get(following)).json()["files"]) == 1
    assert (await client.delete(put.headers["location"])).status_code == 200


async def test_description_page_and_probes_are_there(client: httpx.AsyncClient) -> None:
    described = (await client.get(f"{ROOT}/openapi.json")).json()
    assert described["servers"] == [{"url": ROOT}]
    assert "/files/{file_id}/info" in described["paths"]
    assert (await client.get(f"{ROOT}/")).status_code == 200
    # Probes are not counted by rate limits.
    assert {(await client.get(f"{ROOT}{path}")).status_code for path in ("/livez", "/readyz") * 30} == {200}


def test_the_command_line_takes_it(tmp_path: Path) -> None:
    with serving(tmp_path, S3PY_ROOT_PATH="/from/settings/") as service:
        assert httpx.get(f"{service.url}/openapi.json").json()["servers"] == [{"url": "/from/settings"}]
