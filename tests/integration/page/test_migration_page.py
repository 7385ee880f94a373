"""The page at `/admin/migration`, as operators use it while a migration runs."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from playwright.sync_api import Locator, Page, expect

from tests.integration.page.accessible import assert_accessible
from tests.integration.page.conftest import Open
from tests.integration.service.process import Process, serving
from tests.support.browser import wait_until
from tests.support.fastdfs import FakeCluster
from tests.support.fastdfs.daemons import LocalDaemon, installed_version
from tests.support.fastdfs.real_site import RealSite
from tests.support.fastdfs.special_files import RawFiles
from tests.support.s3.inspector import S3Inspector, inspector_of
from tests.support.s3.server import S3Server

pytestmark = pytest.mark.timeout(180)

BUCKET = "watched"
FILES = 120
_CONFLICT = "Failed to load resource: the server responded with a status of 409 (Conflict)"


@pytest.fixture(scope="module")
def portal() -> Iterator[BlockingPortal]:
    """Runs coroutines elsewhere: Playwright has the event loop of this thread."""
    with start_blocking_portal() as portal:
        yield portal


class Site:
    """A FastDFS with files, an S3 server, and the service between."""

    def __init__(self, environment: dict[str, str], folder: Path, service: Process, s3: S3Inspector) -> None:
        self.service = service
        self.s3 = s3
        self._environment = environment
        self._folder = folder

    @contextmanager
    def migrating(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """`s3py migrate` as it runs."""
        with subprocess.Popen(
            [sys.executable, "-c", "from s3py_helper.entrypoints.cli import main; main()", "migrate", *arguments],
            cwd=self._folder,
            env={"PATH": os.environ["PATH"], **self._environment},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()

    def migrate(self, *arguments: str, code: int = 0) -> None:
        with self.migrating(*arguments) as process:
            said, _ = process.communicate(timeout=60)
            assert process.returncode == code, said

    def content(self, file_id: str) -> bytes:
        return httpx.get(f"{self.service.url}/files/{file_id}/download").content


@dataclass(frozen=True, slots=True)
class Source:
    """A FastDFS with nothing in it.

    Attributes:
        tracker: As `host:port`.
        stop: Stops its storage servers.
    """

    tracker: str
    stop: Callable[[], None]


@pytest.fixture
def source(portal: BlockingPortal, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    """The real one where it is installed."""
    if version := installed_version():
        with closing(RealSite(f"FastDFS {version}", tmp_path_factory.mktemp("fastdfs"), LocalDaemon)) as real:
            yield Source(real.trackers[0], real.close)
        return
    with portal.wrap_async_context_manager(FakeCluster()) as cluster:
        yield Source(cluster.tracker_address, lambda: portal.call(_stop, cluster))


@pytest.fixture
def site(seaweedfs: S3Server, source: Source, tmp_path: Path) -> Iterator[Site]:
    environment = {
        "S3PY_MODE": "hybrid",
        "S3PY_S3__ENDPOINT": seaweedfs.endpoint,
        "S3PY_S3__ACCESS_KEY_ID": seaweedfs.access_key,
        "S3PY_S3__SECRET_ACCESS_KEY": seaweedfs.secret_key,
        "S3PY_S3__DEFAULT_BUCKET": BUCKET,
        "S3PY_FASTDFS__TRACKER_SERVERS": source.tracker,
        "S3PY_MIGRATION__LEDGER": str(tmp_path / "ledger.db"),
        "S3PY_MIGRATION__PREFIX": "watched/",
    }
    inspector = inspector_of(seaweedfs, BUCKET)
    with serving(tmp_path, **environment) as service:
        yield Site(environment, tmp_path, service, inspector)
    inspector.sdk.close()


def _phase(page: Page, name: str) -> Locator:
    return page.locator("#phases li").filter(has=page.locator("b", has_text=re.compile(f"^{name}$")))


def _move(slider: Locator, *keys: str) -> None:
    slider.focus()
    for key in keys:
        slider.press(key)


@pytest.mark.slow
def test_a_migration_is_watched_from_its_plan_to_s3_first(
    site: Site, source: Source, portal: BlockingPortal, opened: Open
) -> None:
    page = opened(f"{site.service.url}/admin/migration", expected=_CONFLICT)
    expect(page.locator("#link")).to_have_text("live")
    expect(page.locator("#summary")).to_contain_text("The ledger is empty")

    contents = portal.call(_store, source.tracker)
    taken, *_ = contents
    site.s3.sdk.put_object(Bucket=BUCKET, Key=f"watched/fastdfs/{taken}", Body=b"somebody else's")
    site.migrate("plan")
    expect(_phase(page, "Plan")).to_contain_text(f"{FILES} files known")
    expect(_phase(page, "Plan")).to_have_class("done")
    expect(page.locator("article .counts")).to_contain_text(f"{FILES} planned")

    _copied_while_it_is_paused(site, page)
    expect(_phase(page, "Copy")).to_have_class("done")
    expect(page.locator("#errors li")).to_contain_text("1 conflict")
    expect(page.locator("#errors li")).to_contain_text(taken)
    assert_accessible(page)

    _switch(page, "Read from S3 only")
    expect(page.locator("#switch-problem")).to_contain_text("Not switched: ")
    expect(page.locator("#switch-problem")).to_contain_text("not verified")
    assert_accessible(page)
    page.keyboard.press("Escape")

    site.s3.sdk.delete_object(Bucket=BUCKET, Key=f"watched/fastdfs/{taken}")
    chosen = page.get_by_label("Only these ids")
    again = page.get_by_role("button", name="Plan them again")
    chosen.fill("group1/M00/00/00/another.txt")
    again.click()
    expect(page.locator("#aside-said")).to_have_text("0 files are planned again.")
    chosen.fill(f"{taken}\n")
    again.click()
    expect(page.locator("#aside-said")).to_have_text("1 files are planned again.")
    expect(page.locator("#errors li")).to_have_text("No file is put aside.")
    site.migrate("apply")
    site.migrate("verify")
    expect(_phase(page, "Verify")).to_have_class("done")

    _switch(page, "Read from S3 first")
    expect(page.locator("#said")).to_have_text("group1: read from S3 first, then FastDFS")
    expect(page.locator("article .note")).to_have_text("read from S3 first, then FastDFS")
    expect(_phase(page, "S3 first")).to_have_class("done")
    expect(page.locator("#phases [aria-current=step] b")).to_have_text("S3 only")
    assert page.evaluate("document.activeElement.textContent") == "group1"
    assert_accessible(page)
    for file_id, content in contents.items():
        assert site.content(file_id) == content
    source.stop()
    assert site.content(taken) == contents[taken]


async def _store(tracker: str) -> dict[str, bytes]:
    files = RawFiles(tracker)
    contents = [b"%d" % number * 1000 for number in range(FILES)]
    return {str(await files.upload(content)): content for content in contents}


async def _stop(cluster: FakeCluster) -> None:
    for storage in cluster.storages:
        await storage.stop()


def _copied_while_it_is_paused(site: Site, page: Page) -> None:
    """Copy slowly, wait, and copy as fast as it goes; one file is put aside."""
    per_second = page.get_by_role("slider", name="Files a second")
    _move(per_second, "Home", *["ArrowRight"] * 4)
    expect(per_second).to_have_attribute("aria-valuetext", "20/s")
    wait_until(page, "fetch('migration/limits').then(r => r.json()).then(l => l.files_per_second === 20)")
    with site.migrating("apply") as applying:
        expect(page.locator("#summary")).to_contain_text("1 worker at work")
        expect(page.locator("#plots polyline.copied").first).to_have_attribute("points", re.compile(r"\d \d"))
        expect(_phase(page, "Copy")).to_have_class("under-way")
        page.get_by_role("button", name="Pause all workers").click()
        expect(page.locator("#summary")).to_contain_text("paused")
        page.get_by_role("button", name="Go on", exact=True).click()
        _move(per_second, "End")
        expect(per_second).to_have_attribute("aria-valuetext", "no limit")
        assert applying.wait(60) == 3


def _switch(page: Page, what: str) -> None:
    """Ask for it twice; a wrong name does not do."""
    page.get_by_role("button", name=f"group1: {what}").click()
    page.locator("#go").click()
    name = page.get_by_label("To confirm, type the name of the group, group1:")
    name.fill("group2")
    expect(page.locator("#go")).to_be_disabled()
    name.fill("group1")
    page.keyboard.press("Enter")
