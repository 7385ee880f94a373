"""A deployment whose files move from a real FastDFS to a real S3, and the service that answers their links."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from s3py_helper.application.migration.applying import ApplyOptions
from s3py_helper.application.migration.planning import PlanOptions
from s3py_helper.application.migration.verifying import VerifyOptions
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import Route
from s3py_helper.entrypoints.http import create_app
from s3py_helper.entrypoints.settings import load_settings
from s3py_helper.storage import FastdfsConfig, FastdfsLinksConfig, MigrationConfig, StorageManager
from tests.integration.service.running import served
from tests.support.fastdfs.site import FastdfsSite
from tests.support.s3.server import S3Server

BUCKET = "moved-links"
SECRET = "FastDFS1234567890"
PICTURE = b"\xff\xd8\xff" + bytes(range(256)) * 40
LARGE = os.urandom(300_000)


class Deployment:
    """One deployment in mode hybrid, and the settings that describe it."""

    def __init__(self, seaweedfs: S3Server, site: FastdfsSite, folder: Path) -> None:
        self.folder = folder
        self.manager = StorageManager(
            s3_config=seaweedfs.config(default_bucket=BUCKET),
            fastdfs_config=FastdfsConfig(tracker_servers=list(site.trackers)),
            migration_config=MigrationConfig(ledger=str(folder / "ledger.db")),
            fastdfs_links_config=FastdfsLinksConfig(secret=SECRET),
        )
        self.variables = {
            "S3PY_MODE": "hybrid",
            "S3PY_S3__ENDPOINT": seaweedfs.endpoint,
            "S3PY_S3__ACCESS_KEY_ID": seaweedfs.access_key,
            "S3PY_S3__SECRET_ACCESS_KEY": seaweedfs.secret_key,
            "S3PY_S3__DEFAULT_BUCKET": BUCKET,
            "S3PY_FASTDFS__TRACKER_SERVERS": ",".join(site.trackers),
            "S3PY_MIGRATION__LEDGER": str(folder / "ledger.db"),
            "S3PY_FASTDFS_LINKS__ENABLED": "true",
            "S3PY_FASTDFS_LINKS__SECRET": SECRET,
        }

    @asynccontextmanager
    async def service(self, **variables: str) -> AsyncGenerator[httpx.AsyncClient]:
        """The service with these settings besides."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (self.variables | variables).items():
                patch.setenv(name, value)
            app = create_app(load_settings())
        async with served(app, http="ours") as url, httpx.AsyncClient(base_url=url, timeout=20) as client:
            yield client

    async def doctor(self, lines: str) -> tuple[int, list[dict[str, object]]]:
        """Exit code and findings of `s3py doctor links`."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-c", "from s3py_helper.entrypoints.cli import main; main()"),
            *("doctor", "links", "-", "--all", "--json"),
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], **self.variables},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate(lines.encode())
        assert process.returncode is not None
        assert not err, err
        return process.returncode, [json.loads(line) for line in out.splitlines()]


async def _ids(*file_ids: FileId) -> AsyncIterator[str]:
    for file_id in file_ids:
        yield str(file_id)


async def move(manager: StorageManager, *file_ids: FileId) -> None:
    """Copy files, and prove the copies."""
    migration = manager.migration
    await migration.plan(PlanOptions(cluster=False, ids=[("ids", _ids(*file_ids))]))
    await (await migration.applier()).apply(ApplyOptions())
    assert not (await migration.verify(VerifyOptions())).failed


async def route(manager: StorageManager, group: str, where: Route) -> None:
    """Say where the ids of a group are read."""
    await manager.migration.route(group, where, accept_incomplete=True)
