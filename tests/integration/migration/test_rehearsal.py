"""The whole way of an operator in small: live traffic, workers that are killed, and the audit in the end."""

import json
from pathlib import Path

import pytest

from tests.support.fastdfs.child_site import ChildSite
from tests.support.fastdfs.daemons import installed_version
from tests.support.fastdfs.site import FastdfsSite
from tests.support.rehearsal.rehearsal import Options, Rehearsal
from tests.support.s3.server import S3Server


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_2_24_nobody_notices_a_migration_whose_workers_are_killed(
    request: pytest.FixtureRequest, seaweedfs: S3Server, tmp_path: Path
) -> None:
    site: FastdfsSite = (
        request.getfixturevalue("damaged_site") if installed_version() else ChildSite("protocol-level test server")
    )
    try:
        figures = await Rehearsal(
            site, seaweedfs, tmp_path, Options(files=200, kill_seconds=2.0, lease_seconds=5.0, files_per_second=30)
        ).run()
    finally:
        if not site.is_real:
            site.close()
    assert figures.is_clean, json.dumps(figures.as_dict(), indent=1)
    assert figures.kills > 0
