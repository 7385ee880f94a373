"""Old links of real files, from the day before a migration to the day after it, through the whole service."""

import httpx
import pytest

from s3py_helper.domain.fastdfs_name import FastdfsName
from s3py_helper.domain.migration import Route
from s3py_helper.entrypoints.http.downloads.http_date import http_date
from tests.integration.old_links.deployment import BUCKET, LARGE, PICTURE, Deployment, move, route
from tests.support.fastdfs.site import FastdfsSite
from tests.support.fastdfs.special_files import raw_files

pytestmark = pytest.mark.timeout(120)


async def test_links_work_the_same_before_during_and_after(deployment: Deployment, fastdfs_site: FastdfsSite) -> None:
    async with raw_files(fastdfs_site.trackers[0]) as files, deployment.manager as manager:
        picture = await files.upload(PICTURE, "jpg")
        slave = await files.upload_slave(picture, "_9x9", "jpg", PICTURE[:500])
        large = await files.upload(LARGE, "mp4")
        left = await files.upload(b"left behind", "txt")
        sign = manager.link_service.fastdfs_link
        links = [await sign(str(file_id)) for file_id in (picture, slave, large, left)]

        async def answers() -> list[tuple[bytes, dict[str, str]]]:
            async with deployment.service() as client:
                found: list[tuple[bytes, dict[str, str]]] = []
                for link in links:
                    response = await client.get(link)
                    assert response.status_code == 200
                    headers = {name: response.headers.get(name) for name in ("etag", "last-modified", "content-type")}
                    part = await client.get(link, headers={"Range": "bytes=1-3", "If-Range": headers["last-modified"]})
                    assert (part.status_code, part.content) == (206, response.content[1:4])
                    same = await client.get(link, headers={"If-None-Match": headers["etag"]})
                    assert (same.status_code, same.content) == (304, b"")
                    found.append((response.content, headers))
                missing = await client.get(await sign(str(picture).replace(".jpg", ".png")))
                assert missing.status_code == 404
                wrong = await client.get(links[0].partition("?")[0])
                assert wrong.status_code == 400
                return found

        before = await answers()
        assert [content for content, _ in before] == [PICTURE, PICTURE[:500], LARGE, b"left behind"]
        facts = FastdfsName.decode(picture.key)
        assert facts is not None
        assert before[0][1] == {
            "etag": f'"{picture.key.rpartition("/")[2]}"',
            "last-modified": http_date(facts.created_at),
            "content-type": "image/jpeg",
        }
        await move(manager, picture, slave, large)
        await route(manager, picture.bucket, Route.S3_FIRST)
        assert await answers() == before

        code, findings = await deployment.doctor("\n".join(links))
        assert code == 0
        assert [finding.get("by") for finding in findings[:-1]] == ["s3", "s3", "s3", "fastdfs"]

        await move(manager, left)
        await route(manager, picture.bucket, Route.S3_ONLY)
        assert await answers() == before
        await files.delete(picture)
        assert await answers() == before

        await manager.delete_service.delete_file(str(slave))
        async with deployment.service() as client:
            gone = await client.get(links[1], headers={"If-Modified-Since": before[1][1]["last-modified"]})
            assert gone.status_code == 404


async def test_large_files_may_be_left_to_s3(deployment: Deployment, fastdfs_site: FastdfsSite) -> None:
    async with raw_files(fastdfs_site.trackers[0]) as files, deployment.manager as manager:
        large, small = await files.upload(LARGE, "mp4"), await files.upload(PICTURE, "jpg")
        link = await manager.link_service.fastdfs_link(str(large), file_name="Größe.mp4")
        little = await manager.link_service.fastdfs_link(str(small), expires_in=None)
        settings = {"S3PY_FASTDFS_LINKS__REDIRECT_ABOVE": "100KiB"}
        async with deployment.service(**settings) as client:
            assert (await client.get(link)).content == LARGE, "FastDFS signs nothing"
        await move(manager, large, small)
        await route(manager, large.bucket, Route.S3_ONLY)
        async with deployment.service(**settings) as client, httpx.AsyncClient(timeout=20) as elsewhere:
            assert (await client.get(little)).content == PICTURE
            assert (await client.head(link)).status_code == 200
            response = await client.get(link)
            assert response.status_code == 307
            fetched = await elsewhere.get(response.headers["location"], headers={"Range": "bytes=5-9"})
            assert (fetched.status_code, fetched.content) == (206, LARGE[5:10])
            assert fetched.headers["content-type"] == "video/mp4"
            assert "filename*=UTF-8''Gr%C3%B6%C3%9Fe.mp4" in fetched.headers["content-disposition"]
        async with deployment.service(**settings, S3PY_FASTDFS_LINKS__ACCEL_LOCATION="/_s3/") as client:
            response = await client.get(link)
            assert (response.status_code, response.content) == (200, b"")
            assert response.headers["x-accel-redirect"].startswith(f"/_s3/{BUCKET}/fastdfs/{large}?")


async def test_the_doctor_tells_what_becomes_of_each_line(deployment: Deployment, fastdfs_site: FastdfsSite) -> None:
    async with raw_files(fastdfs_site.trackers[0]) as files, deployment.manager as manager:
        file_id = await files.upload(b"a file", "txt")
        link = await manager.link_service.fastdfs_link(str(file_id), expires_in=None)
        path = link.partition("?")[0]
        old = "token=86ce6fb25da6f48264f29ede714e5585&ts=1700000000"
        known = "/group1/M00/00/00/fwAAAmsCvSWAZvKkAAAABTYQpoY966.txt"
        lines = [
            f"https://files.example.com{link}",
            f'127.0.0.1 - - [14/Nov/2023:22:13:25 +0000] "GET {known}?{old} HTTP/1.1" 200 5 "-" "curl/8"',
            f"{known}?{old}",
            path,
            f"{path}?token=wrong&ts=0",
            f'127.0.0.1 - - [14/Nov/2023:22:13:25 +0000] "POST {link} HTTP/1.1" 405 0',
            "/favicon.ico",
            "",
            "/group1/M00/00/00/short.jpg?token=a&ts=0",
            link.replace("/group1/", "/"),
            f"//group1//{file_id.key}?{link.partition('?')[2]}",
            "http://[broken \x1b[31m",
        ]
        code, findings = await deployment.doctor("\n".join(lines))
    assert code == 3
    assert [(finding["line"], finding["status"], finding.get("why")) for finding in findings[:-1]] == [
        (1, 200, None),
        (2, 404, f"no such file: {known.removeprefix('/')}"),
        (3, 400, "the token has expired"),
        (4, 400, "the link has no token"),
        (5, 400, "the token is wrong"),
        (6, 405, "POST is not allowed"),
        (7, 404, "no link to a file"),
        (9, 400, "the token is wrong"),
        (10, 400, findings[8]["why"]),
        (11, 200, None),
        (12, 404, "no link to a file"),
    ]
    assert "names no group" in str(findings[8]["why"])
    assert findings[0]["by"] == "fastdfs"
    assert all("token" not in str(finding["path"]) for finding in findings[:-1])
    assert findings[-1]["answered"] == 2
    assert "\x1b" not in str(findings)
