"""The optional ability to enumerate files."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from s3py_helper.domain.blob import BlobInfo


class Listing(Protocol):
    """A backend that can list what it holds.

    Callers guarantee: the prefix has no control characters and no lone surrogates, the name of the bucket is valid.

    Implementers owe what `BlobStore` asks of every method, and:
    - files are fetched and described page by page, as far as the caller iterates, so that a large bucket does not fill
      the memory;
    - files that exist during the whole listing come exactly once; those that are stored or deleted meanwhile may come
      or not, and do not disturb it;
    - what an unfinished upload has stored so far is not listed.

    `s3py_helper.testing.ListingContract` holds these promises as tests.
    """

    def list(
        self, prefix: str = "", *, bucket: str | None = None, after: str = ""
    ) -> AbstractAsyncContextManager[AsyncIterator[BlobInfo]]:
        """Files whose keys begin with `prefix`; fields that the backend does not list are `None` or empty.

        The prefix is compared character by character: `b/c` finds `b/c.d` as well as `b/c/d`, and no character is a
        wildcard. Keys come in the order of their UTF-8 bytes; of the known servers only SeaweedFS differs (it lists
        folder by folder). Leaving the block releases everything, even half-way.

        `after` leaves out what does not come after that key in this order, whether or not there still is a file with
        it: so a listing goes on where another one ended.

        `None` is the default bucket, which is empty, not missing, where buckets come into being with their first file.
        Iterating raises `BucketNotFoundException`, which names the bucket, when there is no such bucket.
        """
        ...
