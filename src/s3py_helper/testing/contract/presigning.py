"""Clients that know nothing but a URL read and store files with it."""

# ruff: noqa: S101 - assertions are what a test kit is made of

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.message import Message
from http import HTTPStatus
from http.client import HTTPConnection, HTTPSConnection
from typing import ClassVar, Final, cast
from urllib.parse import unquote, urlsplit

import pytest

from s3py_helper.application.ports.blob_store import BlobStore
from s3py_helper.application.ports.presigning import PresignedUrls
from s3py_helper.domain.errors import FileNotFoundException, InvalidArgumentException, StorageOperationException
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.files import FileUploadLink
from s3py_helper.testing.bodies import body_of, new_blob, read_all
from s3py_helper.testing.contract.harness import NOT_OPEN, PATIENCE, Harness
from s3py_helper.testing.leaks import leak_guard

MINUTE: Final = timedelta(minutes=1)

_NAMES = (
    "plain.pdf",
    "with space.txt",
    "отчёт 1+2.pdf",
    "合同(最終版).pdf",
    "👩‍👩‍👧 family.jpg",
    "100% \"quoted\" 'a=b&c' #1?;.txt",
)


@dataclass(frozen=True, slots=True)
class _Response:
    status: HTTPStatus
    headers: Message
    content: bytes

    @property
    def refused(self) -> bool:
        """The server made the client responsible, with one status or another: 401, 403, 404, 405 ..."""
        return self.status.is_client_error


class PresignedUrlsContract(Harness):
    """The promises of the port `PresignedUrls`.

    Attributes:
        verifies_signatures: Whether the server refuses what was not signed; some simulators do not look.
    """

    verifies_signatures: ClassVar[bool] = True

    def presigning_of(self, store: BlobStore) -> PresignedUrls:
        """What signs for a store; override it where that is another object than the store itself."""
        return cast("PresignedUrls", store)

    async def test_a_download_url_serves_the_file(self, store: BlobStore) -> None:
        written = await store.write(new_blob("a.txt"), body_of(b"for everybody"))
        async with leak_guard():
            url = await self.presigning_of(store).download_url(written.file_id, MINUTE)
        response = await _ask("GET", url)
        assert (response.status, response.content) == (HTTPStatus.OK, b"for everybody")

    @pytest.mark.parametrize("name", _NAMES)
    async def test_a_download_is_saved_under_the_name_that_was_requested(self, store: BlobStore, name: str) -> None:
        written = await store.write(new_blob("other.bin"), body_of(b"%PDF"))
        url = await self.presigning_of(store).download_url(
            written.file_id, MINUTE, file_name=name, content_type="application/x-report"
        )
        response = await _ask("GET", url)
        assert (response.status, response.content) == (HTTPStatus.OK, b"%PDF")
        assert response.headers["Content-Type"] == "application/x-report"
        assert response.headers.get_content_disposition() == "attachment"
        assert _file_name(response.headers) == name

    async def test_a_download_is_shown_in_the_browser_on_request(self, store: BlobStore) -> None:
        written = await store.write(new_blob("a.txt"), body_of(b"text"))
        url = await self.presigning_of(store).download_url(written.file_id, MINUTE, inline=True)
        response = await _ask("GET", url)
        assert (response.content, response.headers.get_content_disposition()) == (b"text", "inline")

    async def test_a_missing_file_shows_when_its_url_is_used(self, store: BlobStore) -> None:
        missing = await self.missing_id(store)
        url = await self.presigning_of(store).download_url(missing, MINUTE)
        assert (await _ask("GET", url)).refused

    async def test_a_file_is_uploaded_with_its_description(self, store: BlobStore) -> None:
        metadata = {self.metadata_names[0]: "Иван"} if "metadata" in self.keeps else {}
        blob = new_blob("отчёт.pdf", size=4, content_type="application/pdf", metadata=metadata)
        link = await self.presigning_of(store).upload_url(blob, MINUTE)
        file_id = await self._file_id(store, link)
        with pytest.raises(FileNotFoundException):
            await store.info(file_id)
        assert (await _ask("PUT", link.url, b"%PDF", link.headers)).status.is_success
        assert await read_all(store, file_id) == b"%PDF"
        info = await store.info(file_id)
        for fact in self.keeps:
            assert getattr(info, fact) == getattr(blob, fact), fact

    async def test_a_file_whose_size_is_unknown_is_uploaded(self, store: BlobStore, other_bucket: str) -> None:
        link = await self.presigning_of(store).upload_url(new_blob(bucket=other_bucket), MINUTE)
        assert (await _ask("PUT", link.url, b"of any size", link.headers)).status.is_success
        file_id = await self._file_id(store, link)
        assert file_id.bucket == other_bucket
        assert await read_all(store, file_id) == b"of any size"

    async def test_a_url_permits_what_was_signed_and_nothing_else(self, store: BlobStore) -> None:
        self._skip_unless_signatures_are_verified()
        written = await store.write(new_blob("a.txt"), body_of(b"mine"))
        other = await store.write(new_blob("b.txt"), body_of(b"not yours"))
        url = await self.presigning_of(store).download_url(written.file_id, MINUTE)
        assert (await _ask("GET", url)).status is HTTPStatus.OK
        assert (await _ask("PUT", url, b"overwritten")).refused
        assert (await _ask("DELETE", url)).refused
        assert (await _ask("GET", url.replace(written.file_id.key, other.file_id.key))).refused
        assert await read_all(store, written.file_id) == b"mine"

    async def test_an_upload_url_is_bound_to_method_and_type(self, store: BlobStore) -> None:
        self._skip_unless_signatures_are_verified()
        blob = new_blob("a.pdf", size=4, content_type="application/pdf")
        link = await self.presigning_of(store).upload_url(blob, MINUTE)
        as_page = {name: "text/html" if name.lower() == "content-type" else text for name, text in link.headers.items()}
        assert (await _ask("PUT", link.url, b"<h1>", as_page)).refused
        assert (await _ask("GET", link.url)).refused
        with pytest.raises(FileNotFoundException):
            await store.info(await self._file_id(store, link))

    async def test_a_url_expires(self, store: BlobStore) -> None:
        self._skip_unless_signatures_are_verified()
        written = await store.write(new_blob("a.txt"), body_of(b"for a second"))
        url = await self.presigning_of(store).download_url(written.file_id, timedelta(seconds=1))
        async with asyncio.timeout(PATIENCE):
            # ASYNC110: the server's clock sets no event.
            while (response := await _ask("GET", url)).status is HTTPStatus.OK:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert response.refused

    @pytest.mark.parametrize("expires_in", [timedelta(0), timedelta(seconds=-5)])
    async def test_a_lifetime_is_longer_than_nothing(self, store: BlobStore, expires_in: timedelta) -> None:
        written = await store.write(new_blob(), body_of(b"x"))
        with pytest.raises(InvalidArgumentException):
            await self.presigning_of(store).download_url(written.file_id, expires_in)
        with pytest.raises(InvalidArgumentException):
            await self.presigning_of(store).upload_url(new_blob(), expires_in)

    async def test_before_opening_signing_says_so(self, store: BlobStore, unopened_store: BlobStore) -> None:
        await self._assert_refuses_to_sign(unopened_store, store)

    async def test_after_closing_signing_says_so(self, store: BlobStore, closed_store: BlobStore) -> None:
        await self._assert_refuses_to_sign(closed_store, store)

    async def _assert_refuses_to_sign(self, refusing: BlobStore, working: BlobStore) -> None:
        written = await working.write(new_blob(), body_of(b"out of reach"))
        with pytest.raises(StorageOperationException, match=NOT_OPEN):
            await self.presigning_of(refusing).download_url(written.file_id, MINUTE)
        with pytest.raises(StorageOperationException, match=NOT_OPEN):
            await self.presigning_of(refusing).upload_url(new_blob(), MINUTE)

    async def _file_id(self, store: BlobStore, link: FileUploadLink) -> FileId:
        """The id that the file will have, read as the store's ids are."""
        return FileId.parse(link.file_id, [(await self.missing_id(store)).backend])

    def _skip_unless_signatures_are_verified(self) -> None:
        if not self.verifies_signatures:
            pytest.skip("the server does not verify signatures")


def _file_name(headers: Message) -> str | None:
    """The name to save the file under: `filename*` (RFC 8187) goes before `filename` (RFC 6266, 4.3)."""
    extended = re.search(r"filename\*=utf-8''([^;]+)", headers["Content-Disposition"], re.IGNORECASE)
    return unquote(extended[1]) if extended else headers.get_filename()


async def _ask(
    method: str, url: str, content: bytes | None = None, headers: Mapping[str, str] | None = None
) -> _Response:
    """One request with the URL exactly as it is: clients that tidy it break its signature."""
    return await asyncio.to_thread(_ask_blocking, method, url, content, dict(headers or {}))


def _ask_blocking(method: str, url: str, content: bytes | None, headers: dict[str, str]) -> _Response:
    parts = urlsplit(url)
    connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = connect(parts.netloc, timeout=PATIENCE)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", content, headers)
        response = connection.getresponse()
        return _Response(HTTPStatus(response.status), response.headers, response.read())
    finally:
        connection.close()
