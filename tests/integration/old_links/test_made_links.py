"""`s3py link --fastdfs`, as somebody types it who sends a link to somebody else."""

import asyncio
import os
import sys
from pathlib import Path
from time import time
from urllib.parse import parse_qs, urlsplit

import pytest

from s3py_helper.domain.fastdfs_token import TokenVerdict, check_fastdfs_token

pytestmark = pytest.mark.timeout(60)

SECRET = "FastDFS1234567890"
NAME = "M00/00/00/fwAFA2sHTw6ASkvmAAADhM27pd8047.jpg"


async def _link(folder: Path, *options: str, **variables: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", "from s3py_helper.entrypoints.cli import main; main()"),
        *("link", f"group1/{NAME}", *options),
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "S3PY_MODE": "fastdfs",
            "S3PY_FASTDFS__TRACKER_SERVERS": "127.9.9.9:22122",
            **variables,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode().strip(), err.decode().strip()


@pytest.mark.parametrize(("expires", "later"), [("7d", 7 * 86_400 - 60), ("never", 10**9)])
async def test_a_link_for_as_long_as_was_asked_for(tmp_path: Path, expires: str, later: float) -> None:
    options = ("--fastdfs", "--expires", expires, "--name", "a b.jpg")
    code, link, err = await _link(tmp_path, *options, S3PY_FASTDFS_LINKS__SECRET=SECRET)
    assert (code, err) == (0, "")
    parts = urlsplit(link)
    query = parse_qs(parts.query)
    assert (parts.path, query["filename"]) == (f"/group1/{NAME}", ["a b.jpg"])
    [token], [moment] = query["token"], query["ts"]
    assert check_fastdfs_token(NAME, SECRET, token, moment, ttl=900, now=time() + later) is TokenVerdict.VALID


async def test_what_is_missing_is_named(tmp_path: Path) -> None:
    code, _, err = await _link(tmp_path, "--fastdfs")
    assert code == 2
    assert "without a secret" in err
    code, _, err = await _link(tmp_path, "--expires", "never")
    assert code == 2
    assert "only links of FastDFS never expire" in err
