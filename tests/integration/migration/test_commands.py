"""`s3py migrate`, as an operator types it."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from s3py_helper.storage import FastdfsConfig, FileNotFoundException, StorageManager, StorageMode, StorageModeConfig
from tests.support.fastdfs.site import FastdfsSite
from tests.support.s3.inspector import inspector_of
from tests.support.s3.server import S3Server

pytestmark = pytest.mark.timeout(120)

BUCKET = "migrated-by-command"


class Operator:
    """Types commands in a folder of their own."""

    def __init__(self, seaweedfs: S3Server, site: FastdfsSite, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "PATH": os.environ["PATH"],
            "S3PY_MODE": "hybrid",
            "S3PY_S3__ENDPOINT": seaweedfs.endpoint,
            "S3PY_S3__ACCESS_KEY_ID": seaweedfs.access_key,
            "S3PY_S3__SECRET_ACCESS_KEY": seaweedfs.secret_key,
            "S3PY_S3__DEFAULT_BUCKET": BUCKET,
            "S3PY_FASTDFS__TRACKER_SERVERS": ",".join(site.trackers),
            "S3PY_MIGRATION__LEDGER": "ledger.db",
        }

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "from s3py_helper.entrypoints.cli import main; main()",
            *arguments,
            cwd=self.folder,
            env=self.environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def types(self, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
        process = await self.start(*arguments)
        out, err = await process.communicate(stdin.encode())
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def migrates(self, *arguments: str, stdin: str = "") -> tuple[int, list[dict[str, object]]]:
        """Exit code and objects of a command with `--json`."""
        code, out, err = await self.types("migrate", *arguments, "--json", stdin=stdin)
        assert "Traceback" not in err, err
        return code, [json.loads(line) for line in out.splitlines()]


@pytest.fixture
def operator(seaweedfs: S3Server, fastdfs_site: FastdfsSite, tmp_path: Path) -> Operator:
    inspector_of(seaweedfs, BUCKET).sdk.close()
    return Operator(seaweedfs, fastdfs_site, tmp_path)


@pytest.fixture
async def old_files(fastdfs_site: FastdfsSite) -> AsyncIterator[dict[str, bytes]]:
    config = FastdfsConfig(tracker_servers=list(fastdfs_site.trackers))
    stored: dict[str, bytes] = {}
    async with StorageManager(StorageModeConfig(mode=StorageMode.FASTDFS), fastdfs_config=config) as manager:
        for number in range(5):
            content = f"file {number}".encode() * 100
            stored[(await manager.upload_service.upload_bytes(f"{number}.txt", content)).file_id] = content
        yield stored
        for file_id in stored:
            try:
                await manager.delete_service.delete_file(file_id)
            except FileNotFoundException:
                continue


async def test_an_operator_leaves_fastdfs(operator: Operator, old_files: dict[str, bytes]) -> None:
    groups = sorted({file_id.partition("/")[0] for file_id in old_files})
    code, findings = await operator.migrates("preflight")
    assert code == 0, findings
    assert findings[-1]["verb"] == "preflight"

    lines = "".join(f"http://127.0.0.1:8888/{file_id}?token=x&ts=1\n" for file_id in old_files) + "rubbish\n"
    code, planned = await operator.migrates("plan", "--from-ids", "-", stdin=lines)
    assert code == 3, "a line was no id"
    assert planned[0] == {
        "type": "file",
        "schema": 1,
        "id": None,
        "state": "unplannable",
        "reason": planned[0]["reason"],
        "source": "-",
        "line": 6,
    }
    assert planned[-1]["states"] == {"planned": {"files": 5, "bytes": 3000}}

    code, applied = await operator.migrates("apply", "--each")
    assert code == 0, applied
    assert {line["id"] for line in applied if line["type"] == "file"} == set(old_files)
    assert all(line["proof"] == "crc32:id" for line in applied if line["type"] == "file")
    assert applied[-1]["states"] == {"copied": {"files": 5, "bytes": 3000}}

    code, _, err = await operator.types("migrate", "route", groups[0], "s3-only")
    assert code == 4
    assert "not verified" in err
    code, verified = await operator.migrates("verify", "--all")
    assert (code, verified[-1]["unverified"]) == (0, 0)
    for group in groups:
        assert (await operator.types("migrate", "route", group, "s3-first"))[0] == 0
        assert (await operator.types("migrate", "route", group, "s3-only", "--accept-incomplete"))[0] == 0
    for file_id, content in old_files.items():
        code, out, err = await operator.types("download", file_id, "-o", "-", "--quiet")
        assert (code, out) == (0, content.decode()), err

    code, out, _ = await operator.types("migrate", "drain", "--older-than", "0s", stdin="n\n")
    assert code == 4, "nothing is deleted without a yes"
    await asyncio.sleep(1.1)
    code, drained = await operator.migrates("drain", "--older-than", "0s", "--yes")
    assert (code, drained[-1]["drained"]) == (0, 5)
    code, out, _ = await operator.types("migrate", "status")
    assert "drained" in out
    code, out, _ = await operator.types("migrate", "report", "-o", "audit")
    assert code == 0
    report = json.loads((operator.folder / "audit" / "report.json").read_text())
    assert report["proofs"] == {"crc32:id": 5}
    assert "Migration report" in (operator.folder / "audit" / "report.html").read_text()


async def test_limits_end_an_apply(operator: Operator, old_files: dict[str, bytes]) -> None:
    await operator.migrates("plan", "--from-ids", "-", stdin="\n".join(old_files))
    code, out, _ = await operator.types("migrate", "limits", "--rate-files", "1", "--concurrency", "1")
    assert json.loads(out)["files_per_second"] == 1
    code, _ = await operator.migrates("apply", "--max-duration", "1")
    assert code == 10
    assert (await operator.types("migrate", "limits", "--rate-files", "0"))[0] == 0
    code, _ = await operator.migrates("apply", "--max-bytes", "1")
    assert code == 8
    code, lines = await operator.migrates("apply")
    assert code == 0
    assert lines[-1]["states"] == {"copied": {"files": 5, "bytes": 3000}}


@pytest.mark.parametrize(("sent", "expected"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
async def test_an_interrupted_apply_goes_on_later(
    operator: Operator, old_files: dict[str, bytes], sent: signal.Signals, expected: int
) -> None:
    await operator.migrates("plan", "--from-ids", "-", stdin="\n".join(old_files))
    await operator.types("migrate", "limits", "--rate-files", "1", "--concurrency", "1")
    process = await operator.start("migrate", "apply", "--json")
    assert process.stdout is not None
    await asyncio.wait_for(process.stdout.readline(), 30)
    process.send_signal(sent)
    await process.communicate()
    assert process.returncode == expected
    await operator.types("migrate", "limits", "--rate-files", "0", "--concurrency", "0")
    if sent is signal.SIGKILL:
        return  # what it held is free when its lease ends, a minute later
    code, lines = await operator.migrates("apply")
    assert code == 0
    assert lines[-1]["states"] == {"copied": {"files": 5, "bytes": 3000}}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("plan", "--group", "nobody"), "there is no group nobody"),
        (("plan", "--from-ids", "none.txt"), "none.txt"),
        (("plan", "--from-data-dir", "group1"), "is not GROUP/Mxx=FOLDER"),
        (("verify", "--sample", "200%"), "is no percentage"),
        (("drain", "--older-than", "soon"), "is no time such as"),
        (("route", "group1", "s3-only"), "plan it first"),
    ],
)
async def test_wrong_words_are_named(operator: Operator, arguments: tuple[str, ...], told: str) -> None:
    code, _, err = await operator.types("migrate", *arguments)
    assert code == 2
    assert told in err


async def test_without_settings_it_says_what_is_missing(operator: Operator) -> None:
    del operator.environment["S3PY_MIGRATION__LEDGER"]
    code, _, err = await operator.types("migrate", "status")
    assert code == 2
    assert "S3PY_MIGRATION__LEDGER" in err
