"""`GET /files`: pages, and where they go on."""

import re

import httpx

from s3py_helper.domain.errors import StorageUnavailableException
from tests.integration.service.conftest import Service


async def _stored(client: httpx.AsyncClient, folder: str, count: int) -> list[str]:
    params = {"folder": folder}
    return [
        (await client.post("/files/upload", params=params, files={"file": ("ä b.txt", b"12345")})).json()["file_id"]
        for _ in range(count)
    ]


async def test_a_client_follows_the_links_to_every_file(client: httpx.AsyncClient) -> None:
    expected = sorted(await _stored(client, "größe & co", 5))
    await _stored(client, "others", 2)
    url, listed = httpx.URL("/files", params={"prefix": "größe & co/", "limit": 2}), []
    for left in (True, True, False):
        response = await client.get(url)
        assert response.status_code == 200
        listed += [file["file_id"] for file in response.json()["files"]]
        assert (response.json()["cursor"] is not None) is left
        assert ("link" in response.headers) is left
        if left:
            [target] = re.fullmatch(r'<(.*)>; rel="next"', response.headers["link"]).groups()  # type: ignore[union-attr]  # it matches
            url = response.url.join(target)
    assert listed == expected


async def test_a_file_is_listed_with_what_is_known_of_it(client: httpx.AsyncClient) -> None:
    [file_id] = await _stored(client, "one", 1)
    [file] = (await client.get("/files?prefix=one/")).json()["files"]
    described = (await client.get(f"/files/{file_id}/info")).json()
    assert file == described
    assert (file["file_name"], file["file_size"]) == ("ä b.txt", 5)


async def test_what_cannot_be_listed_is_a_problem(client: httpx.AsyncClient) -> None:
    for query, status in (
        ("limit=0", 422),
        ("limit=1001", 422),
        ("cursor=x", 400),
        ("prefix=%00", 400),
        ("bucket=elsewhere", 403),
    ):
        response = await client.get(f"/files?{query}")
        assert response.status_code == status, query
        assert response.headers["content-type"] == "application/problem+json"


async def test_a_listing_that_fails_is_a_problem(service: Service, client: httpx.AsyncClient) -> None:
    service.store.fail("list", StorageUnavailableException("out of reach", operation="list"))
    response = await client.get("/files")
    assert (response.status_code, response.json()["operation"]) == (503, "list")
