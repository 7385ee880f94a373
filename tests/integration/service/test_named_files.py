"""PUT of files whose key the client chooses."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from s3py_helper.domain.routing import StorageMode
from s3py_helper.entrypoints.container.config import FastdfsConfig, FilesystemConfig
from s3py_helper.entrypoints.http import create_app
from s3py_helper.entrypoints.settings import Settings
from s3py_helper.entrypoints.token_config import digest_of
from tests.integration.service.raw import connected
from tests.integration.service.running import served
from tests.support.fastdfs.site import FastdfsSite
from tests.support.s3.inspector import inspector_of
from tests.support.s3.server import S3Server

pytestmark = pytest.mark.timeout(60)

ONLY_NEW = {"If-None-Match": "*"}
TOKENS = {
    "writer": {"sha256": digest_of("w"), "scopes": {"read", "write"}},
    "namer": {"sha256": digest_of("n"), "scopes": {"read", "write", "name"}, "folder": "mine"},
}


def _filesystem(root: Path) -> Settings:
    return Settings(_env_file=None, filesystem=FilesystemConfig(root=root))


@pytest.fixture(params=["disk", "s3"])
async def client(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    settings = _filesystem(tmp_path)
    if request.param == "s3":
        seaweedfs: S3Server = request.getfixturevalue("seaweedfs")
        settings = Settings(_env_file=None, mode=StorageMode.S3, s3=seaweedfs.config())
    async with served(create_app(settings), http="ours") as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
        yield client


async def test_a_named_file_is_made_once(client: httpx.AsyncClient) -> None:
    path = "/files/b%20%C3%BC.txt?as_key=true&folder=named"
    made = await client.put(path, content=b"first", headers=ONLY_NEW)
    assert made.status_code == 201, made.text
    assert made.json()["file_id"].endswith("/named/b ü.txt")
    again = await client.put(path, content=b"second", headers=ONLY_NEW)
    assert (again.status_code, again.json()["type"].rpartition(":")[2]) == (412, "precondition-failed")
    assert again.json()["detail"].startswith("something is there already")
    assert (await client.get(made.headers["location"])).content == b"first"
    assert (await client.delete(made.headers["location"])).status_code == 200
    assert (await client.put(path, content=b"second", headers=ONLY_NEW)).status_code == 201
    assert (await client.get(made.headers["location"])).content == b"second"
    await client.delete(made.headers["location"])


async def test_of_two_at_once_one_is_stored(client: httpx.AsyncClient) -> None:
    async def put(number: int) -> tuple[int, bytes]:
        content = bytes([number]) * 100_000
        answer = await client.put(f"/files/race-{turn}.bin?as_key=1", content=content, headers=ONLY_NEW)
        return answer.status_code, content

    for turn in range(6):
        answers = await asyncio.gather(put(1), put(2))
        assert sorted(status for status, _ in answers) == [201, 412]
        listed = (await client.get("/files", params={"prefix": f"race-{turn}"})).json()["files"]
        [file_id] = [file["file_id"] for file in listed]
        assert (await client.get(f"/files/{file_id}")).content == dict(answers)[201]
        await client.delete(f"/files/{file_id}")


@pytest.mark.parametrize("headers", [{}, {"If-None-Match": '"x"'}])
async def test_without_the_condition_nobody_knows_what_is_meant(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await client.put("/files/a.txt?as_key=true", content=b"x", headers=headers)
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (428, "precondition-required")


async def test_a_client_that_waits_is_spared_the_transfer_of_what_is_there_already(tmp_path: Path) -> None:
    async with served(create_app(_filesystem(tmp_path)), http="ours") as url:
        for status in (201, 412):
            async with connected(url) as client:
                head = (
                    "PUT /files/a.txt?as_key=1 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\nIf-None-Match: *\r\n"
                )
                await client.send(f"{head}Expect: 100-continue\r\n\r\n".encode())
                answer = await client.response()
                if status == 201:
                    assert answer.status == 100
                    await client.send(b"abc")
                    answer = await client.response()
                assert answer.status == status


@pytest.mark.parametrize(
    ("token", "folder", "status"),
    [("w", "mine", 403), ("n", "mine", 201), ("n", "mine/deeper", 201), ("n", "yours", 403), ("n", "", 403)],
)
async def test_choosing_a_key_is_a_scope_of_its_own(tmp_path: Path, token: str, folder: str, status: int) -> None:
    settings = Settings(
        _env_file=None, filesystem=FilesystemConfig(root=tmp_path), api_token=SecretStr("all"), tokens=TOKENS
    )
    async with served(create_app(settings)) as url, httpx.AsyncClient(base_url=url) as client:
        headers = ONLY_NEW | {"Authorization": f"Bearer {token}"}
        answer = await client.put(
            "/files/a.txt", params={"as_key": "true", "folder": folder}, content=b"x", headers=headers
        )
        assert answer.status_code == status, answer.text
        # Without a key of its own choice every writer may store files.
        plain = await client.put("/files/a.txt", params={"folder": folder}, content=b"x", headers=headers)
        assert plain.status_code == (201 if token == "w" else status)


async def test_what_is_no_key_is_refused(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, filesystem=FilesystemConfig(root=tmp_path), folders={"served"})
    async with served(create_app(settings)) as url, httpx.AsyncClient(base_url=url) as client:
        for path, status in (
            ("/files/a.txt?folder=..", 400),
            ("/files/a%00b?folder=served", 400),
            ("/files/a.txt?folder=elsewhere", 403),
            ("/files/a.txt?folder=served&bucket=other", 403),
            ("/files/a.txt?folder=served", 201),
            # The file is no folder.
            ("/files/b.txt?folder=served/a.txt", 412),
        ):
            answer = await client.put(f"{path}&as_key=1", content=b"x", headers=ONLY_NEW)
            assert answer.status_code == status, (path, answer.text)


async def test_fastdfs_names_files_itself(fastdfs_site: FastdfsSite) -> None:
    fastdfs = FastdfsConfig(tracker_servers=list(fastdfs_site.trackers))
    settings = Settings(_env_file=None, mode=StorageMode.FASTDFS, fastdfs=fastdfs)
    async with served(create_app(settings)) as url, httpx.AsyncClient(base_url=url) as client:
        answer = await client.put("/files/a.txt?as_key=1", content=b"x", headers=ONLY_NEW)
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (403, "not-served-here")
        assert "fastdfs cannot store a file under a key" in answer.json()["detail"]


async def test_a_key_for_a_moved_file_is_not_given_away(seaweedfs: S3Server, tmp_path: Path) -> None:
    from s3py_helper.entrypoints.container.config import MigrationConfig  # noqa: PLC0415 - one test needs it

    settings = Settings(
        _env_file=None,
        mode=StorageMode.S3,
        s3=seaweedfs.config(),
        migration=MigrationConfig(ledger=str(tmp_path / "ledger.db")),
    )
    async with served(create_app(settings)) as url, httpx.AsyncClient(base_url=url, timeout=30) as client:
        where = {"as_key": "true", "folder": "fastdfs/group1/M00/00/00"}
        answer = await client.put("/files/a.txt", params=where, content=b"x", headers=ONLY_NEW)
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (403, "not-served-here")
    inspector = inspector_of(seaweedfs)
    assert not await inspector.keys("fastdfs/")
    inspector.sdk.close()
