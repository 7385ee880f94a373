"""Files of s3py-helper in a SQLite database: the example of docs/writing-an-adapter.md."""

from s3py_sqlite.mount import open_backend
from s3py_sqlite.store import SqliteStore

__all__ = ["SqliteStore", "open_backend"]
