"""`s3py migrate`, as an operator types it."""

import asyncio
import json
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from s3py_helper.storage import FastdfsConfig, FileNotFoundException, StorageManager, StorageMode, StorageModeConfig
from tests.support.fastdfs.site import FastdfsSite
from tests.support.s3.inspector import inspector_of
from tests.support.s3.server import S3Server

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]  # each command is a process of its own

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


_FILE_FIELDS = {
    "type", "schema", "id", "state", "reason", "level", "proof", "size", "checksum", "key", "attempts",
}  # fmt: skip


async def test_an_operator_leaves_fastdfs(operator: Operator, old_files: dict[str, bytes], seaweedfs: S3Server) -> None:
    groups = sorted({file_id.partition("/")[0] for file_id in old_files})
    code, findings = await operator.migrates("preflight")
    assert code == 0, findings
    assert findings[-1]["verb"] == "preflight"

    lines = "".join(f"http://127.0.0.1:8888/{file_id}?token=x&ts=1\n" for file_id in old_files) + "rubbish\n"
    code, planned = await operator.migrates("plan", "--from-ids", "-", stdin=lines)
    assert code == 3, "a line was no id"
    assert planned[0]["id"] is None
    assert (planned[0]["state"], planned[0]["source"], planned[0]["line"]) == ("unplannable", "-", 6)
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
    inspector = inspector_of(seaweedfs, BUCKET)
    spoilt, content = next(iter(old_files.items()))
    await inspector.put(f"fastdfs/{spoilt}", content)  # by somebody who knows nothing of marks
    code, drained = await operator.migrates("drain", "--older-than", "0s", "--yes")
    assert (code, drained[-1]["drained"], drained[-1]["kept"]) == (3, 4, 1)
    [kept] = drained[:-1]
    assert kept.keys() == _FILE_FIELDS
    assert (kept["id"], kept["state"], kept["level"], kept["proof"]) == (spoilt, "verified", "read", "crc32:id")
    assert (kept["size"], kept["key"], kept["attempts"]) == (600, f"fastdfs/{spoilt}", 0)
    assert kept["reason"] == "its object is somebody else's"
    await inspector.put(f"fastdfs/{spoilt}", content, Metadata={"s3py-fastdfs-id": spoilt})
    code, drained = await operator.migrates("drain", "--older-than", "0s", "--yes")
    assert (code, drained[-1]["drained"]) == (0, 1)
    code, out, _ = await operator.types("migrate", "status")
    assert "drained" in out
    code, out, _ = await operator.types("migrate", "report", "-o", "audit")
    assert code == 0
    report = json.loads((operator.folder / "audit" / "report.json").read_text())
    assert report["proofs"] == {"crc32:id": 5}
    assert "Migration report" in (operator.folder / "audit" / "report.html").read_text()


async def test_limits_end_an_apply(operator: Operator, old_files: dict[str, bytes]) -> None:
    await operator.migrates("plan", "--from-ids", "-", stdin="\n".join(old_files))
    code, [summary] = await operator.migrates("limits", "--rate-files", "1", "--concurrency", "1")
    assert (code, summary["verb"]) == (0, "limits")
    assert summary["limits"] == {"bytes_per_second": None, "files_per_second": 1, "concurrency": 1, "paused": False}
    code, _ = await operator.migrates("apply", "--max-duration", "1")
    assert code == 10
    code, _ = await operator.migrates("apply", "--max-bytes", "1")
    assert code == 8
    assert (await operator.types("migrate", "limits", "--rate-files", "0"))[0] == 0
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
    _, err = await process.communicate()
    assert process.returncode == expected
    assert sent is signal.SIGKILL or b"finishing the files at hand" in err
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
        (("plan", "--from-data-dir", "group1/M00=nowhere"), "nowhere: there is no such folder"),
        (("plan", "--from", "nowhere"), "'nowhere' is not one of 'cluster'"),
        (("plan", "--from-ids", "/dev/null"), "/dev/null has no id in it; it is empty"),
        (("plan", "--from-sql", "app.db", "select id from files"), "is given by a URL"),
        (("plan", "--from-sql", "nonsense://x", "select id from files"), "knows no database 'nonsense'"),
        (("plan", "--limit", "0"), "--limit"),
        (("verify", "--sample", "5%", "--all"), "not both"),
        (("missing", "--keep", "--delete"), "not both"),
        (("missing", "ids.txt"), "give --delete or --keep"),
        (("apply", "--ledger", "none.db"), "there is no ledger none.db: 'plan' makes one"),
        (("plan", "--ledger", "mysql://u:s3cr3t@127.0.0.9/x"), "the ledger is a SQLite file"),
        (("verify", "--sample", "200%"), "is no percentage"),
        (("drain", "--older-than", "soon"), "is no time such as"),
        (("route", "group1", "s3-only"), "there is no ledger"),
        (("worker", "--ledger", "none.db"), "there is no ledger none.db: 'plan' makes one"),
    ],
)
async def test_wrong_words_are_named(operator: Operator, arguments: tuple[str, ...], told: str) -> None:
    code, _, err = await operator.types("migrate", *arguments)
    assert code == 2
    assert told in err


@pytest.mark.parametrize("ledger", [None, "mine.db", "sqlite:///other.db"])
async def test_the_ledger_is_the_one_that_was_named(
    operator: Operator, old_files: dict[str, bytes], ledger: str | None
) -> None:
    del operator.environment["S3PY_MIGRATION__LEDGER"]
    named = () if ledger is None else ("--ledger", ledger)
    assert (await operator.migrates("plan", "--from-ids", "-", *named, stdin="\n".join(old_files)))[0] == 0
    made = "s3py-migration.db" if ledger is None else ledger.removeprefix("sqlite:///")
    assert [path.name for path in operator.folder.iterdir()] == [made]
    code, [summary] = await operator.migrates("status", *named)
    assert (code, summary["states"]) == (0, {"planned": {"files": 5, "bytes": 3000}})
    code, _, err = await operator.types("migrate", "route", "nobody", "s3-first", *named)
    assert code == 2
    assert "the ledger knows no group 'nobody': plan it first" in err


async def test_without_a_ledger_it_says_how_to_make_one(operator: Operator) -> None:
    code, out, err = await operator.types("migrate", "status", "--json")
    assert code == 2
    assert "there is no ledger ledger.db: 'plan' makes one" in err
    assert json.loads(out)["exit_code"] == 2, "the last line is a summary, whatever happened"
    assert list(operator.folder.iterdir()) == []


async def test_outside_hybrid_mode_it_says_which_mode_it_needs(operator: Operator) -> None:
    operator.environment["S3PY_MODE"] = "fastdfs"
    code, _, err = await operator.types("migrate", "plan")
    assert code == 2
    assert "a migration needs mode 'hybrid'" in err


async def test_a_ledger_of_another_migration_and_a_bucket_that_is_not_there_are_gates(
    operator: Operator, old_files: dict[str, bytes]
) -> None:
    operator.environment["S3PY_MIGRATION__BUCKET"] = "not-there"
    await operator.migrates("plan", "--from-ids", "-", stdin="\n".join(old_files))
    code, _, err = await operator.types("migrate", "apply")
    assert code == 4
    assert "the target cannot be used" in err
    assert "not-there" in err
    code, findings = await operator.migrates("preflight")
    assert (code, findings[-1]["gates"]) == (4, 1)
    del operator.environment["S3PY_MIGRATION__BUCKET"]
    for verb in ("apply", "worker"):
        code, _, err = await operator.types("migrate", verb)
        assert code == 4
        assert "belongs to another migration (not-there/)" in err


@pytest.mark.parametrize("verb", ["worker", "supervisor"])
@pytest.mark.parametrize(
    ("broker", "expected", "told"),
    [
        ("amqp://somebody:secret@127.0.0.9", 2, "amqp://127.0.0.9 is no broker: give nats://HOST:4222"),
        ("postgresql://127.0.0.9/x", 2, "loses the shards of workers that die"),
        ("nats://127.0.0.9:1", 5, "the broker nats://127.0.0.9:1 is out of reach"),
        ("redis://:secret@127.0.0.9:1", 5, "the broker redis://127.0.0.9:1 is out of reach"),
    ],
)
async def test_a_broker_that_is_none_or_is_not_there_is_named(
    operator: Operator, old_files: dict[str, bytes], verb: str, broker: str, expected: int, told: str
) -> None:
    await operator.migrates("plan", "--from-ids", "-", stdin="\n".join(old_files))
    operator.environment["S3PY_MIGRATION__BROKER"] = broker
    code, _, err = await operator.types("migrate", verb)
    assert code == expected
    assert told in err
    assert "secret" not in err


async def test_a_supervisor_without_a_broker_is_told_that_it_needs_one(
    operator: Operator, old_files: dict[str, bytes]
) -> None:
    await operator.migrates("plan", "--from-ids", "-", stdin="\n".join(old_files))
    code, _, err = await operator.types("migrate", "supervisor")
    assert code == 2
    assert "a supervisor needs a broker: --broker" in err


async def test_ids_come_from_databases_and_data_folders(operator: Operator, old_files: dict[str, bytes]) -> None:
    with closing(sqlite3.connect(operator.folder / "app.db")) as database:
        database.execute("create table files(id text, owner text)")
        in_url = [(f"http://127.0.0.1:8888/{file_id}?token=x", "ada") for file_id in old_files]
        database.executemany("insert into files values (?, ?)", [*in_url, (None, "ada"), ("old.png", "ada")])
        database.commit()
    query = "select id from files where owner = 'ada'"
    code, lines = await operator.migrates("plan", "--from-sql", f"sqlite:///{operator.folder}/app.db", query)
    assert code == 3
    assert (lines[0]["source"], lines[0]["line"]) == ("the query", 6)
    assert (lines[-1]["new"], lines[-1]["unplannable"]) == (5, 1)
    group, store_path, *folders, name = next(iter(old_files)).split("/")
    data = operator.folder / "data" / "/".join(folders)
    data.mkdir(parents=True)
    (data / name).touch()
    (data / f"{name}-m").touch()
    code, lines = await operator.migrates("plan", "--from-data-dir", f"{group}/{store_path}={operator.folder}/data")
    assert (code, lines[-1]["found"], lines[-1]["new"]) == (0, 1, 0)


async def test_a_plan_tells_what_it_will_cost(operator: Operator, old_files: dict[str, bytes]) -> None:
    code, out, _ = await operator.types("migrate", "plan", "--from-ids", "-", stdin="\n".join(old_files))
    assert code == 0
    assert "to copy: 5 files, 2.9 KiB (5 normal)" in out
    assert "up to 4.0 KiB                 5 files      2.9 KiB" in out
    assert "requests: about 5 PUT, 10 HEAD, 1 LIST" in out


async def test_progress_is_told_while_it_copies(operator: Operator, old_files: dict[str, bytes]) -> None:
    await operator.migrates("plan", "--from-ids", "-", stdin="\n".join(old_files))
    await operator.types("migrate", "limits", "--rate-files", "1")
    code, lines = await operator.migrates("apply", "--max-duration", "3")
    assert code == 10
    progress = next(line for line in lines if line["type"] == "progress")
    assert (progress["files_total"], progress["bytes_total"], progress["limited_by"]) == (5, 3000, "files")
    assert set(progress) >= {
        "files_done", "bytes_done", "files_per_s", "bytes_per_s", "eta_s", "errors", "oldest"
    }  # fmt: skip
    assert set(lines[-1]) >= {
        "verb", "exit_code", "states", "listing_complete", "unverified", "quarantined", "unplannable", "seconds"
    }  # fmt: skip
