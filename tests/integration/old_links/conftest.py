"""A deployment for each test."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.old_links.deployment import BUCKET, Deployment
from tests.support.fastdfs.site import FastdfsSite
from tests.support.s3.inspector import inspector_of
from tests.support.s3.server import S3Server


@pytest.fixture
async def deployment(seaweedfs: S3Server, fastdfs_site: FastdfsSite, tmp_path: Path) -> AsyncIterator[Deployment]:
    inspector = inspector_of(seaweedfs, BUCKET)
    yield Deployment(seaweedfs, fastdfs_site, tmp_path)
    for key in await inspector.keys(""):
        await asyncio.to_thread(inspector.sdk.delete_object, Bucket=BUCKET, Key=key)
