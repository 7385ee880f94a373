"""The promises of the port `BlobStore`, as tests."""

from s3py_helper.testing.contract.concurrency import ConcurrencyContract
from s3py_helper.testing.contract.describing import DescribingContract
from s3py_helper.testing.contract.failed_writes import FailedWritesContract
from s3py_helper.testing.contract.harness import Harness, Inventory
from s3py_helper.testing.contract.lifecycle import LifecycleContract
from s3py_helper.testing.contract.reading import ReadingContract
from s3py_helper.testing.contract.writing import WritingContract

__all__ = ["BlobStoreContract", "Harness", "Inventory", "ReadingContract"]


class BlobStoreContract(
    WritingContract, FailedWritesContract, ReadingContract, DescribingContract, ConcurrencyContract, LifecycleContract
):
    """All promises. Subclass it, override the fixtures of `Harness`, and let pytest collect the subclass."""
