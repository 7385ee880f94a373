"""The promises of the ports, as tests."""

from s3py_helper.testing.contract.concurrency import ConcurrencyContract
from s3py_helper.testing.contract.copying import ServerSideCopyContract
from s3py_helper.testing.contract.describing import DescribingContract
from s3py_helper.testing.contract.failed_writes import FailedWritesContract
from s3py_helper.testing.contract.harness import Harness, Inventory
from s3py_helper.testing.contract.health import HealthContract
from s3py_helper.testing.contract.lifecycle import LifecycleContract
from s3py_helper.testing.contract.listing import ListingContract
from s3py_helper.testing.contract.naming import NamedWritesContract
from s3py_helper.testing.contract.presigning import PresignedUrlsContract
from s3py_helper.testing.contract.reading import ReadingContract
from s3py_helper.testing.contract.writing import WritingContract

__all__ = [
    "BlobStoreContract",
    "Harness",
    "HealthContract",
    "Inventory",
    "ListingContract",
    "NamedWritesContract",
    "PresignedUrlsContract",
    "ReadingContract",
    "ServerSideCopyContract",
]


class BlobStoreContract(
    WritingContract, FailedWritesContract, ReadingContract, DescribingContract, ConcurrencyContract, LifecycleContract
):
    """Every promise of `BlobStore`. Subclass it, override the fixtures of `Harness`, and let pytest collect it."""
