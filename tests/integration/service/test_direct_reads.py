"""Reads that go past the framework are answered as it would answer them."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from s3py_helper.entrypoints.container.config import FilesystemConfig
from s3py_helper.entrypoints.http import create_app
from s3py_helper.entrypoints.settings import Settings
from tests.integration.service.running import served

TOKEN = {"Authorization": "Bearer sesame"}


@pytest.fixture(params=["", "sesame"], ids=["open", "with a token"])
async def client(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    token = SecretStr(request.param) if request.param else None
    settings = Settings(_env_file=None, filesystem=FilesystemConfig(root=tmp_path), api_token=token)
    async with served(create_app(settings)) as url, httpx.AsyncClient(base_url=url) as client:
        yield client


def _told(answer: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    own = {"date": "", "x-request-id": ""}
    return answer.status_code, {**answer.headers, **own}, answer.content


# A query, be it empty of meaning, leads the long way.
@pytest.mark.parametrize("credentials", [TOKEN, {}, {"Authorization": "Bearer other"}], ids=["right", "none", "wrong"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("end", ["", "/download"])
async def test_both_ways_answer_alike(
    client: httpx.AsyncClient, method: str, end: str, credentials: dict[str, str]
) -> None:
    stored = await client.post("/files/upload", files={"file": ("a b.txt", b"hello world")}, headers=TOKEN)
    file_id = stored.json()["file_id"]
    for headers in ({}, {"Range": "bytes=2-4"}, {"Range": "bytes=99-"}, {"If-Match": '"x"'}, {"If-None-Match": "*"}):
        for name in (file_id, file_id.replace("/", "%2F"), "fs:files/none", "fs:other/none", "nonsense", "%00"):
            answers = [
                await client.request(method, f"/files/{name}{end}{query}", headers={**headers, **credentials})
                for query in ("", "?inline=0")
            ]
            assert _told(answers[0]) == _told(answers[1])


async def test_other_endpoints_are_left_alone(client: httpx.AsyncClient) -> None:
    stored = await client.post("/files/upload", files={"file": ("a.txt", b"hello")}, headers=TOKEN)
    file_id = stored.json()["file_id"]
    info = await client.get(f"/files/{file_id}/info", headers=TOKEN)
    assert info.json()["file_size"] == 5
    assert (await client.request("OPTIONS", f"/files/{file_id}", headers=TOKEN)).status_code == 405
    assert (await client.delete(f"/files/{file_id}", headers=TOKEN)).json() == {"detail": "deleted"}
