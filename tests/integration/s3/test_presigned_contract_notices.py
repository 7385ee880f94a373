"""The contract of presigned URLs fails for adapters that break a promise: each is that of S3 with one mistake.

What only a server can get wrong is tried on moto, which does not look at signatures.
"""

import inspect
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from s3py_helper.adapters.s3.presigning import S3PresignedUrls
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.application.ports.blob_store import BlobStore
from s3py_helper.application.ports.presigning import PresignedUrls
from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.errors import StorageException
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.files import FileUploadLink
from s3py_helper.testing import PresignedUrlsContract, body_of
from s3py_helper.testing.contract import presigning
from tests.support.s3.inspector import inspector_of
from tests.support.s3.server import S3Server

HOUR = timedelta(hours=1)
NOTICED = (AssertionError, StorageException, pytest.fail.Exception, TimeoutError)


class Right:
    """Signs as S3 does."""

    def __init__(self, session: S3Session) -> None:
        self.right = S3PresignedUrls(session)
        self.store = S3BlobStore(session)

    async def download_url(
        self,
        file_id: FileId,
        expires_in: timedelta,
        *,
        file_name: str | None = None,
        content_type: str | None = None,
        inline: bool = False,
    ) -> str:
        return await self.right.download_url(
            file_id, expires_in, file_name=file_name, content_type=content_type, inline=inline
        )

    async def upload_url(self, blob: NewBlob, expires_in: timedelta) -> FileUploadLink:
        return await self.right.upload_url(blob, expires_in)


class ForgetsHowToServe(Right):
    async def download_url(self, file_id: FileId, expires_in: timedelta, **_asked: Any) -> str:
        return await self.right.download_url(file_id, expires_in)


class SignsAnotherKey(Right):
    async def download_url(self, file_id: FileId, expires_in: timedelta, **_asked: Any) -> str:
        return await self.right.download_url(replace(file_id, key="another"), expires_in)


class ServesWhatIsMissing(Right):
    async def download_url(self, file_id: FileId, expires_in: timedelta, **_asked: Any) -> str:
        await self.store.write(NewBlob(file_id.key, "made.up"), body_of(b"made up"))
        return await self.right.download_url(file_id, expires_in)


class LastsForAnHour(Right):
    async def download_url(self, file_id: FileId, expires_in: timedelta, **_asked: Any) -> str:
        return await self.right.download_url(file_id, HOUR)


class UploadsForAnHour(Right):
    async def upload_url(self, blob: NewBlob, expires_in: timedelta) -> FileUploadLink:
        return await self.right.upload_url(blob, HOUR)


class ForgetsTheDescription(Right):
    async def upload_url(self, blob: NewBlob, expires_in: timedelta) -> FileUploadLink:
        return await self.right.upload_url(NewBlob(blob.key, "nameless"), expires_in)


class ForgetsTheBucket(Right):
    async def upload_url(self, blob: NewBlob, expires_in: timedelta) -> FileUploadLink:
        return await self.right.upload_url(replace(blob, bucket=None), expires_in)


class StoresTooSoon(Right):
    async def upload_url(self, blob: NewBlob, expires_in: timedelta) -> FileUploadLink:
        await self.store.write(blob, body_of(b"%PDF"))
        return await self.right.upload_url(blob, expires_in)


class SignsAlsoWhenClosed(Right):
    async def download_url(self, file_id: FileId, expires_in: timedelta, **_asked: Any) -> str:
        with suppress(StorageException):
            return await self.right.download_url(file_id, expires_in)
        return "http://127.0.0.1:9/"


class SessionStore(S3BlobStore):
    def __init__(self, session: S3Session) -> None:
        super().__init__(session)
        self.session = session


class Kit(PresignedUrlsContract):
    __test__ = False

    def __init__(self, kind: type[Right]) -> None:
        self.kind = kind

    def presigning_of(self, store: BlobStore) -> PresignedUrls:
        assert isinstance(store, SessionStore)
        return self.kind(store.session)


type Test = Callable[..., Any]
CONTRACT = PresignedUrlsContract
NAMED: dict[str, Any] = {"name": "with space.txt"}
IN_THE_PAST: dict[str, Any] = {"expires_in": timedelta(0)}
MISTAKES: list[tuple[type[Right], str, Test, dict[str, Any]]] = [
    (SignsAnotherKey, "seaweedfs", CONTRACT.test_a_download_url_serves_the_file, {}),
    (ForgetsHowToServe, "seaweedfs", CONTRACT.test_a_download_is_saved_under_the_name_that_was_requested, NAMED),
    (ForgetsHowToServe, "seaweedfs", CONTRACT.test_a_download_is_shown_in_the_browser_on_request, {}),
    (ServesWhatIsMissing, "seaweedfs", CONTRACT.test_a_missing_file_shows_when_its_url_is_used, {}),
    (ForgetsTheDescription, "seaweedfs", CONTRACT.test_a_file_is_uploaded_with_its_description, {}),
    (StoresTooSoon, "seaweedfs", CONTRACT.test_a_file_is_uploaded_with_its_description, {}),
    (ForgetsTheBucket, "seaweedfs", CONTRACT.test_a_file_whose_size_is_unknown_is_uploaded, {}),
    (Right, "moto", CONTRACT.test_a_url_permits_what_was_signed_and_nothing_else, {}),
    (Right, "moto", CONTRACT.test_an_upload_url_is_bound_to_method_and_type, {}),
    (LastsForAnHour, "seaweedfs", CONTRACT.test_a_url_expires, {}),
    (LastsForAnHour, "seaweedfs", CONTRACT.test_a_lifetime_is_longer_than_nothing, IN_THE_PAST),
    (UploadsForAnHour, "seaweedfs", CONTRACT.test_a_lifetime_is_longer_than_nothing, IN_THE_PAST),
    (SignsAlsoWhenClosed, "seaweedfs", CONTRACT.test_before_opening_signing_says_so, {}),
    (SignsAlsoWhenClosed, "seaweedfs", CONTRACT.test_after_closing_signing_says_so, {}),
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("mistaken", "s3_server", "test", "arguments"),
    MISTAKES,
    ids=[f"{kind.__name__}: {test.__name__}" for kind, _, test, _ in MISTAKES],
    indirect=["s3_server"],
)
async def test_a_mistake_is_noticed(
    mistaken: type[Right],
    s3_server: S3Server,
    test: Test,
    arguments: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(presigning, "PATIENCE", 1.5)
    inspector_of(s3_server, "other-tests").sdk.close()
    async with S3Session(s3_server.config()) as session:
        at_hand = {
            "store": SessionStore(session),
            "unopened_store": SessionStore(S3Session(s3_server.config())),
            "closed_store": SessionStore(S3Session(s3_server.config())),
            "other_bucket": "other-tests",
            **arguments,
        }
        given = {name: at_hand[name] for name in inspect.signature(test).parameters if name != "self"}
        with pytest.raises(NOTICED):
            await test(Kit(mistaken), **given)


def test_every_test_of_the_contract_is_known_to_notice_something() -> None:
    promised = {name for name in dir(CONTRACT) if name.startswith("test_")}
    assert promised - {test.__name__ for _, _, test, _ in MISTAKES} == set()
