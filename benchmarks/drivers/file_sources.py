"""Where the zip libraries, which know no storage, get their files from."""

from collections.abc import Iterator
from typing import Any, Protocol

from benchmarks.child.store import Target

_READ_SIZE = 64 * 1024


class FileSource(Protocol):
    def put(self, name: str, content: bytes) -> str: ...

    def chunks(self, file_id: str) -> Iterator[bytes]: ...


class _InMemory:
    def __init__(self) -> None:
        self._files: dict[str, bytes] = {}

    def put(self, name: str, content: bytes) -> str:
        self._files[name] = content
        return name

    def chunks(self, file_id: str) -> Iterator[bytes]:
        content = self._files[file_id]
        for start in range(0, len(content), _READ_SIZE):
            yield content[start : start + _READ_SIZE]


class _OnS3:
    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, name: str, content: bytes) -> str:
        self._client.put_object(Bucket=self._bucket, Key=name, Body=content)
        return name

    def chunks(self, file_id: str) -> Iterator[bytes]:
        answer = self._client.get_object(Bucket=self._bucket, Key=file_id)
        chunks: Iterator[bytes] = answer["Body"].iter_chunks(_READ_SIZE)
        return chunks


def source_for(target: Target) -> FileSource:
    if target.kind == "memory":
        return _InMemory()
    from benchmarks.drivers.boto3 import s3_client  # noqa: PLC0415 - in memory it is not needed

    return _OnS3(s3_client(target), target["bucket"])
