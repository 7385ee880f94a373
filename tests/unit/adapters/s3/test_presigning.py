"""Links to S3: how long they hold, and what is signed into them."""

import datetime as dt
from urllib.parse import parse_qsl, urlsplit

import pytest

from s3py_helper.adapters.s3.presigning import S3PresignedUrls
from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.file_id import Backend, FileId
from tests.support.s3.canned import open_stage

pytestmark = [pytest.mark.timeout(20), pytest.mark.usefixtures("no_pauses")]

FILE_ID = FileId(Backend.S3, "docs", "a b")
MINUTE = dt.timedelta(minutes=1)


class TestLinks:
    async def test_for_a_download(self) -> None:
        async with open_stage() as s3:
            links = S3PresignedUrls(s3.session)
            plain = await links.download_url(FILE_ID, MINUTE)
            named = await links.download_url(FILE_ID, MINUTE, file_name="é.txt", content_type="a/b", inline=True)
        for link in (plain, named):
            assert link.startswith("http://127.0.0.1:9000/docs/a%20b?")
            assert dict(parse_qsl(urlsplit(link).query))["X-Amz-Expires"] == "60"
            assert dict(parse_qsl(urlsplit(link).query))["X-Amz-SignedHeaders"] == "host"
        assert self.responses(plain) == {"response-content-disposition": "attachment"}
        asked = self.responses(named)
        assert asked.pop("response-content-type") == "a/b"
        assert asked.pop("response-content-disposition").startswith("inline; filename")
        assert not asked

    @staticmethod
    def responses(link: str) -> dict[str, str]:
        return {name: text for name, text in parse_qsl(urlsplit(link).query) if name.startswith("response")}

    @pytest.mark.parametrize("size", [None, 0, 5])
    async def test_for_an_upload(self, size: int | None) -> None:
        blob = NewBlob("c", "c d.txt", bucket="others", content_type="a/b", size=size, metadata={"by": "ada"})
        async with open_stage() as s3:
            link = await S3PresignedUrls(s3.session).upload_url(blob, MINUTE)
        assert link.file_id == "s3:others/c"
        told = {} if size is None else {"content-length": str(size)}
        described = {"content-type": "a/b", "x-amz-meta---real-file-name--": "c%20d.txt", "x-amz-meta-by": "ada"}
        assert link.headers == {**described, **told}
        signed = dict(parse_qsl(urlsplit(link.url).query))["X-Amz-SignedHeaders"].split(";")
        assert signed == sorted([*link.headers, "host"])
        assert link.url.startswith("http://127.0.0.1:9000/others/c?")

    @pytest.mark.parametrize("seconds", [0.9, 0, -1, 7 * 86400 + 1])
    async def test_for_a_time_that_s3_allows(self, seconds: float) -> None:
        async with open_stage() as s3:
            links = S3PresignedUrls(s3.session)
            for allowed in (1, 7 * 86400):
                await links.download_url(FILE_ID, dt.timedelta(seconds=allowed))
            with pytest.raises(InvalidArgumentException, match="1 second to 7 days") as refused:
                await links.download_url(FILE_ID, dt.timedelta(seconds=seconds))
        assert (refused.value.operation, refused.value.backend) == ("link", "s3")

    async def test_for_the_bucket_that_is_the_default(self) -> None:
        async with open_stage() as s3:
            link = await S3PresignedUrls(s3.session).upload_url(NewBlob("c", "c"), MINUTE)
        assert link.file_id == "s3:docs/c"
        assert link.url.startswith("http://127.0.0.1:9000/docs/c?")
