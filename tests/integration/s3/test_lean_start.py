"""Putting, getting and deleting need no SDK: importing it takes longer than everything else together."""

import subprocess
import sys

from tests.support.s3.server import S3Server

_SCRIPT = """
import asyncio, sys
from s3py_helper.adapters.s3.config import S3Config
from s3py_helper.adapters.s3.mount import open_backend
from s3py_helper.testing import body_of, new_blob, read_all

async def main(config):
    async with open_backend(config) as backend:
        written = await backend.store.write(new_blob(), body_of(b"small"))
        assert await read_all(backend.store, written.file_id) == b"small"
        await backend.store.write(new_blob(), body_of(bytes(9 * 1024 * 1024)))
        await backend.store.info(written.file_id)
        await backend.health.check()
        await backend.store.delete(written.file_id)

asyncio.run(main(S3Config.model_validate_json(sys.stdin.read())))
unwanted = {"aioboto3", "aiobotocore", "aiohttp", "boto3", "botocore"}
print(sorted({name.partition(".")[0] for name in sys.modules} & unwanted))
"""


def test_a_process_that_only_puts_gets_and_deletes_imports_neither_the_sdk_nor_its_http_client(
    seaweedfs: S3Server,
) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        input=seaweedfs.config().model_dump_json(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (finished.stdout, finished.stderr) == ("[]\n", "")
