"""The database. All of it blocks, and is called in the one thread of a session."""

import fcntl
import json
import sqlite3
import zlib
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import Final

from s3py_helper.backends import DEFAULT_BUCKET, BlobInfo, Checksum, FileId, IncomingBody, NewBlob
from s3py_helper.storage import BucketNotFoundException, FileNotFoundException, IntegrityException

SCHEME: Final = "sqlite"
"""How ids begin: `sqlite:<bucket>/<key>`."""

PAGE: Final = 100
"""Files that one query of a listing returns."""

_SCHEMA: Final = """
    PRAGMA journal_mode = WAL;
    CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY);
    CREATE TABLE IF NOT EXISTS files (
        number INTEGER PRIMARY KEY, bucket TEXT, key TEXT, size INTEGER, crc32 INTEGER, created TEXT,
        file_name TEXT, content_type TEXT, metadata TEXT, UNIQUE (bucket, key)
    );
    CREATE TABLE IF NOT EXISTS chunks (
        file INTEGER, position INTEGER, crc32 INTEGER, content BLOB, PRIMARY KEY (file, position)
    );
"""

type _Row = tuple[int, str, str, int, int, str, str, str, str]


class Database:
    """Files, and chunks of bytes that name their file by its number. A file exists once it has a row in `files`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with ExitStack() as opened:
            # A second process would take the chunks of our uploads for leftovers. The lock dies with its holder.
            lock = opened.enter_context(path.with_name(f"{path.name}.lock").open("w"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._connection = opened.enter_context(closing(sqlite3.connect(path)))
            self._connection.executescript(_SCHEMA)
            self.check()
            self._remove_leftovers()
            self._opened = opened.pop_all()

    def close(self) -> None:
        """Remove the chunks of unfinished uploads, and close."""
        with self._opened:
            self._remove_leftovers()

    def append(self, number: int, position: int, content: bytes) -> None:
        """Store bytes of a file that nobody can see yet."""
        with self._connection:
            row = (number, position, zlib.crc32(content), content)
            self._connection.execute("INSERT INTO chunks VALUES (?, ?, ?, ?)", row)

    def finish(self, number: int, place: FileId, blob: NewBlob, body: IncomingBody) -> BlobInfo:
        """Make a file visible whose bytes are stored."""
        created, metadata = datetime.now(UTC).isoformat(), json.dumps(dict(blob.metadata))
        described = (body.received, body.crc32, created, blob.file_name, blob.content_type, metadata)
        row: _Row = (number, place.bucket, place.key, *described)
        with self._connection:
            self._connection.execute("INSERT OR IGNORE INTO buckets VALUES (?)", (place.bucket,))
            self._connection.execute("INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        return _described(row)

    def remove(self, number: int) -> None:
        """Remove a file, however much of it there is."""
        with self._connection:
            self._connection.execute("DELETE FROM files WHERE number = ?", (number,))
            self._connection.execute("DELETE FROM chunks WHERE file = ?", (number,))

    def delete(self, file_id: FileId) -> None:
        """Remove a file that exists."""
        self.remove(self.find(file_id)[0])

    def find(self, file_id: FileId) -> tuple[int, BlobInfo]:
        """The number and the description of a file."""
        query = "SELECT * FROM files WHERE bucket = ? AND key = ?"
        row: _Row | None = self._connection.execute(query, (file_id.bucket, file_id.key)).fetchone()
        if row is None:
            raise FileNotFoundException(f"there is no such file: {file_id}")
        return row[0], _described(row)

    def read(self, number: int, start: int, stop: int) -> bytes:
        """The bytes of a file from `start` to `stop`, or as many of them as are in the first chunk."""
        query = "SELECT * FROM chunks WHERE file = ? AND position <= ? ORDER BY position DESC LIMIT 1"
        row: tuple[int, int, int, bytes] | None = self._connection.execute(query, (number, start)).fetchone()
        if row is None or not (content := row[3][start - row[1] : stop - row[1]]):
            raise IntegrityException(f"the bytes from {start} on are missing: was the file deleted meanwhile?")
        if zlib.crc32(row[3]) != row[2]:
            raise IntegrityException(f"the bytes from {row[1]} on are not those that were stored")
        return content

    def page(self, bucket: str, prefix: str, after: str) -> list[BlobInfo]:
        """The next files in the order of their keys, which SQLite compares as bytes of UTF-8."""
        if not self._connection.execute("SELECT * FROM buckets WHERE name = ?", (bucket,)).fetchone():
            raise BucketNotFoundException(f"there is no such bucket: {bucket!r}")
        query = "SELECT * FROM files WHERE bucket = ? AND key >= ? AND key <> ? ORDER BY key LIMIT ?"
        rows = self._connection.execute(query, (bucket, max(prefix, after), after, PAGE))
        return list(takewhile(lambda info: info.file_id.key.startswith(prefix), map(_described, rows)))

    def check(self) -> None:
        """Write a row that every database has: a full or read-only disk shows here, not at the next upload."""
        with self._connection:
            self._connection.execute("INSERT OR REPLACE INTO buckets VALUES (?)", (DEFAULT_BUCKET,))
        self._path.stat()  # raises where the file was removed, which its open descriptor survives

    def _remove_leftovers(self) -> None:
        with self._connection:
            self._connection.execute("DELETE FROM chunks WHERE file NOT IN (SELECT number FROM files)")


def _described(row: _Row) -> BlobInfo:
    _, bucket, key, size, crc32, created, file_name, content_type, metadata = row
    return BlobInfo(
        file_id=FileId(SCHEME, bucket, key),
        size=size,
        file_name=file_name,
        last_modified=datetime.fromisoformat(created),
        content_type=content_type,
        etag=f'"{crc32:08x}-{size:x}"',
        checksum=Checksum.crc32(crc32),
        metadata=json.loads(metadata),
    )
