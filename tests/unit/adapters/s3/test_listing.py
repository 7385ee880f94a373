"""What a listing asks for page by page, and what it makes of pages that lead nowhere."""

import datetime as dt

import pytest

from s3py_helper.adapters.s3 import listing as listing_module
from s3py_helper.adapters.s3.listing import S3Listing
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.errors import StorageOperationException
from s3py_helper.domain.file_id import Backend, FileId
from tests.support.s3.canned import CannedResponse, OpenStage, open_stage, refusing, xml
from tests.support.s3.object_responses import page

pytestmark = [pytest.mark.timeout(20), pytest.mark.usefixtures("no_pauses")]


class TestListing:
    @staticmethod
    async def listed(s3: OpenStage, prefix: str = "", **more: str) -> list[str]:
        async with S3Listing(s3.session, page_size=9).list(prefix, **more) as blobs:
            return [blob.file_id.key async for blob in blobs]

    async def test_an_entry(self) -> None:
        async with open_stage(page("a")) as s3, S3Listing(s3.session).list() as blobs:
            [blob] = [blob async for blob in blobs]
        assert blob == BlobInfo(
            file_id=FileId(Backend.S3, "docs", "a"),
            size=5,
            last_modified=dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
            etag='"x"',
            storage_class="GLACIER",
        )
        assert s3.lines == ["GET /docs?encoding-type=url&list-type=2&max-keys=1000&prefix="]

    async def test_an_entry_that_tells_little(self) -> None:
        entry = xml("<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>")
        described = CannedResponse(200, {"etag": '"x"', "content-length": "7"})
        async with open_stage(entry, described) as s3, S3Listing(s3.session).list() as blobs:
            [blob] = [blob async for blob in blobs]
        assert blob == BlobInfo(file_id=FileId(Backend.S3, "docs", "a"), size=7)
        assert s3.lines[1] == "HEAD /docs/a"

    async def test_one_that_is_gone_when_its_size_is_asked_for_is_left_out(self) -> None:
        entry = "<Contents><Key>{}</Key>{}</Contents>"
        listed = xml(
            f"<ListBucketResult>{entry.format('a', '')}{entry.format('b', '<Size>1</Size>')}</ListBucketResult>"
        )
        async with open_stage(listed, refusing(404), CannedResponse(200)) as s3:
            assert await self.listed(s3) == ["b"]

    async def test_page_after_page(self) -> None:
        pages = page("d/a", more=True, token="t"), page("d/b", "d/c", more=True), page("d/d")
        async with open_stage(*pages) as s3:
            assert await self.listed(s3, "d/", bucket="others", after="d/0") == ["d/a", "d/b", "d/c", "d/d"]
        front = "GET /others?"
        asked = "encoding-type=url&list-type=2&max-keys=9&prefix=d%2F"
        assert s3.lines == [
            f"{front}{asked}&start-after=d%2F0",
            f"{front}continuation-token=t&{asked}",
            f"{front}{asked}&start-after=d%2Fc",
        ]

    async def test_a_token_without_more_ends_it(self) -> None:
        async with open_stage(page("a", token="t")) as s3:
            assert await self.listed(s3) == ["a"]

    async def test_what_the_prefix_does_not_fit_and_no_id_can_name_is_left_out(self) -> None:
        async with open_stage(page("c/a", "d/../b", "d/a", "e/a", "d", "x/d/a", "d/b")) as s3:
            assert await self.listed(s3, "d/") == ["d/a", "d/b"]

    @pytest.mark.parametrize("empty", [3, 4])
    async def test_pages_without_anything_are_borne_for_a_while(
        self, monkeypatch: pytest.MonkeyPatch, empty: int
    ) -> None:
        monkeypatch.setattr(listing_module, "_EMPTY_PAGES", 3)
        nothing = [page(more=True, token=str(number)) for number in range(2 * empty)]
        pages = [page("a", more=True, token="a"), *nothing[:empty]]
        if empty > 3:
            async with open_stage(*pages) as s3:
                with pytest.raises(
                    StorageOperationException, match=r"does not go on.*127\.0\.0\.1:9000, bucket 'docs'"
                ):
                    await self.listed(s3)
            return
        async with open_stage(*pages, page("b", more=True, token="b"), *nothing[empty:], page("c")) as s3:
            assert await self.listed(s3) == ["a", "b", "c"]

    @pytest.mark.parametrize("before", [0, 4])
    @pytest.mark.parametrize("circle", [1, 2, 3, 5])
    async def test_circles_are_noticed_before_long(self, circle: int, before: int) -> None:
        async with open_stage(whenever={"GET": page("a", more=True, token="t")}) as s3:
            tokens = iter([*(f"before-{number}" for number in range(before)), *(n % circle for n in range(1000))])
            real = s3.client.send

            async def send(*arguments: object) -> object:
                s3.client.turn({"GET": page("a", more=True, token=str(next(tokens)))})
                return await real(*arguments)  # type: ignore[arg-type]  # as given

            s3.client.send = send  # type: ignore[method-assign,assignment]  # it gives what the real one gives
            with pytest.raises(StorageOperationException, match="does not go on"):
                await self.listed(s3)
        assert len(s3.sent) <= 4 * (before + circle) + 1

    @pytest.mark.parametrize("before", [[], [page("a", more=True, token="t")]])
    async def test_nothing_more_without_anywhere_to_go_on(self, before: list[CannedResponse]) -> None:
        async with open_stage(*before, page(more=True)) as s3:
            with pytest.raises(StorageOperationException, match="does not go on") as raised:
                await self.listed(s3)
        assert (raised.value.operation, raised.value.backend) == ("list", "s3")
