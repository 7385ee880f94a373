"""The memory of this process: for tests and demonstrations."""

from s3py_helper.adapters.memory.store import MemoryBlobStore

__all__ = ["MemoryBlobStore"]
