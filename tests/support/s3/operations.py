"""Every operation on objects, for tests of what they have in common."""

from collections.abc import Awaitable, Callable

from s3py_helper.adapters.s3.health import S3Health
from s3py_helper.adapters.s3.listing import S3Listing
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import body_of, new_blob, read_all
from tests.support.s3.pretend_s3 import Seen

FILE_ID = FileId(Backend.S3, "tests", "a.bin")


def anything(_seen: Seen) -> bool:
    return True


def operations(session: S3Session) -> dict[str, Callable[[], Awaitable[object]]]:
    """Every operation on objects, on one that is there."""
    store = S3BlobStore(session)

    async def list_all() -> list[object]:
        async with S3Listing(session).list() as blobs:
            return [blob async for blob in blobs]

    return {
        "upload": lambda: store.write(new_blob(), body_of(b"0123456789")),
        "download": lambda: read_all(store, FILE_ID),
        "info": lambda: store.info(FILE_ID),
        "delete": lambda: store.delete(FILE_ID),
        "list": list_all,
        "health": S3Health(session).check,
    }
