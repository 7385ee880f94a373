"""The page at `/admin/migration` without a FastDFS or an S3 that could be asked."""

import os
import re
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from anyio.from_thread import start_blocking_portal
from playwright.sync_api import Page, expect

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.ports.ledger import Outcome, PlannedFile
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileKind, FileState
from tests.integration.page.accessible import assert_accessible
from tests.integration.page.conftest import Open
from tests.integration.service.process import Process, serving
from tests.support.browser import wait_until

pytestmark = pytest.mark.timeout(120)

LARGEST = 60 * 1024
_CONFLICT = "Failed to load resource: the server responded with a status of 409 (Conflict)"
ASSETS = Path("src/s3py_helper/entrypoints/http/browser/migration/assets")


@contextmanager
def _watched(folder: Path, **variables: str) -> Iterator[tuple[Process, Path]]:
    ledger = folder / "ledger.db"
    settings = {
        "S3PY_MODE": "s3",
        "S3PY_S3__ENDPOINT": "http://127.0.0.9:1",
        "S3PY_S3__ACCESS_KEY_ID": "key",
        "S3PY_S3__SECRET_ACCESS_KEY": "secret",
        "S3PY_S3__DEFAULT_BUCKET": "files",
        "S3PY_MIGRATION__LEDGER": str(ledger),
    }
    with serving(folder, **settings, **variables) as service:
        # Playwright has the event loop of this thread.
        with start_blocking_portal() as portal:
            portal.call(_fill, ledger)
        yield service, ledger


async def _fill(path: Path) -> None:
    async with SqliteLedger(path, "files/") as ledger:
        for group, count in (("group1", 30), ("group2", 5)):
            ids = [FileId.parse(f"{group}/M00/00/00/{number:027d}.txt") for number in range(count)]
            await ledger.plan([PlannedFile(file_id, FileKind.NORMAL, size=100_000) for file_id in ids])
        for state, count in ((FileState.COPIED, 5), (FileState.VERIFIED, 10), (FileState.QUARANTINED, 2)):
            claims = await ledger.claim("worker", count, 60, group="group1")
            reason = "corrupt: no server has good bytes" if state is FileState.QUARANTINED else None
            await ledger.record([Outcome(claim.file_id, claim.fence, state, reason) for claim in claims])


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Process, Path]]:
    with _watched(tmp_path_factory.mktemp("watched")) as both:
        yield both


@pytest.fixture
def url(watched: tuple[Process, Path]) -> str:
    return f"{watched[0].url}/admin/migration"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_it_is_accessible_and_fits_a_phone(url: str, opened: Open, scheme: str, locale: str) -> None:
    page = opened(url, color_scheme=scheme, locale=locale, viewport={"width": 360, "height": 740})
    expect(page.locator("article")).to_have_count(2)
    assert page.evaluate("document.documentElement.lang") == {"en-GB": "en", "zh-CN": "zh-CN"}[locale]
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert_accessible(page)
    page.locator("article button:visible").first.click()
    page.locator("#go").click()
    expect(page.locator("#switch-name")).to_be_focused()
    assert_accessible(page)


def test_it_is_a_tree_that_can_be_followed(url: str, opened: Open) -> None:
    page = opened(url)
    expect(page.locator("#link")).to_have_text("live")
    expect(page.locator("main")).to_match_aria_snapshot("""
      - main:
        - region "The way":
          - list:
            - listitem:
              - text: /Plan under way/
            - listitem:
              - text: /Copy under way 15 of 33 files/
            - listitem:
              - text: /Verify/
            - listitem:
              - text: /S3 first/
            - listitem:
              - text: /S3 only/
            - listitem:
              - text: /Drain/
        - region "Speed":
          - figure:
            - img /Files a second/
        - region "Groups":
          - article:
            - heading "group1" [level=3]
            - paragraph:
              - 'button "group1: Read from S3 first"'
        - region "Put aside":
          - button "Plan them again"
        - region "Limits of all workers":
          - paragraph:
            - button "Pause all workers"
          - slider "Bytes a second"
    """)


def test_it_is_used_with_the_keyboard_alone(url: str, opened: Open) -> None:
    page = opened(url)
    expect(page.locator("article")).to_have_count(2)
    _tab_to(page, "group2: Read from S3 first")
    page.keyboard.press("Enter")
    expect(page.locator("#switch")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.type("group2")
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_have_text("group2: read from S3 first, then FastDFS")
    # Readings that come meanwhile take the focus from nobody.
    _tab_to(page, "Bytes a second")
    page.keyboard.press("Home")
    slider = page.get_by_role("slider", name="Bytes a second")
    expect(slider).to_have_attribute("aria-valuetext", "64 KiB/s")
    wait_until(page, "fetch('migration/limits').then(r => r.json()).then(l => l.bytes_per_second === 65536)")
    page.keyboard.press("End")
    wait_until(page, "fetch('migration/limits').then(r => r.json()).then(l => l.bytes_per_second === null)")
    expect(slider).to_be_focused()


def _tab_to(page: Page, name: str) -> None:
    label = "document.activeElement.ariaLabel ?? document.activeElement.labels?.[0]?.textContent"
    for _ in range(40):
        if (page.evaluate(label) or "").startswith(name):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{name} cannot be reached")


def test_files_are_planned_again_or_accepted_by_their_ids(url: str, opened: Open) -> None:
    page = opened(url, expected=_CONFLICT)
    page.get_by_label("Only these ids").fill("group1/M00/00/00/another.txt")
    page.get_by_role("button", name="Plan them again").click()
    expect(page.locator("#aside-said")).to_have_text("0 files are planned again.")
    expect(page.locator("#errors li")).to_contain_text("2 corrupt")

    first, second = page.locator("#errors code").all_text_contents()
    page.get_by_role("button", name="group1: Read from S3 only").click()
    page.locator("#go").click()
    page.get_by_label("Also without these quarantined files").fill(f"{first}\n  {second}\n")
    assert_accessible(page)
    page.get_by_label("To confirm").fill("group1")
    with page.expect_request("**/routes/group1") as asked:
        page.locator("#go").click()
    assert asked.value.post_data_json == {
        "route": "s3-only",
        "accept_incomplete": False,
        "accept_quarantine": [first, second],
    }
    expect(page.locator("#switch-problem")).to_contain_text("Not switched: ")


def test_a_ledger_that_cannot_be_read_is_told_until_it_can(
    watched: tuple[Process, Path], url: str, opened: Open
) -> None:
    page = opened(url)
    expect(page.locator("#link")).to_have_text("live")
    _alter(watched[1], "alter table file rename to lost")
    expect(page.locator("#trouble")).to_contain_text("The ledger cannot be read now: ")
    assert_accessible(page)
    _alter(watched[1], "alter table lost rename to file")
    expect(page.locator("#trouble")).to_be_empty()


def _alter(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def test_a_token_is_asked_for_and_never_shown(tmp_path: Path, opened: Open) -> None:
    with _watched(tmp_path, S3PY_API_TOKEN="it is secret", S3PY_LOG_LEVEL="debug") as (service, _):
        refused = "Failed to load resource: the server responded with a status of 401 (Unauthorized)"
        page = opened(f"{service.url}/admin/migration", expected=refused)
        expect(page.locator("#all")).to_be_hidden()
        page.get_by_label("Token", exact=True).fill("a guess")
        page.keyboard.press("Enter")
        expect(page.locator("#token-problem")).to_have_text("The token is not accepted.")
        assert_accessible(page)
        page.get_by_label("Token", exact=True).fill("it is secret")
        page.keyboard.press("Enter")
        expect(page.locator("#link")).to_have_text("live")
        expect(page.locator("article")).to_have_count(2)
        assert "it is secret" not in page.content() + page.url
        assert "secret" not in "\n".join(service.log)
        # Before the service ends: the page would look for it.
        page.close()


def test_a_service_that_is_away_is_told_and_followed_again(url: str, opened: Open) -> None:
    page = opened(url, expected="Failed to load resource: net::ERR_FAILED")
    page.route("**/events", lambda route: route.abort())
    page.reload()
    expect(page.locator("#link")).to_have_text("connection lost, trying again")
    page.unroute("**/events")
    expect(page.locator("#link")).to_have_text("live")


def test_the_language_can_be_changed(url: str, opened: Open) -> None:
    page = opened(url)
    expect(page.locator("article")).to_have_count(2)
    page.locator("#language").click()
    expect(page.locator("#way-title")).to_have_text("进展")
    expect(page.locator("#phases li").first).to_contain_text("计划")
    expect(page.locator("article button:visible").first).to_contain_text("S3")
    assert page.title() == "迁出 FastDFS · s3py-helper"


def test_a_stream_of_events_does_not_hold_up_the_end_of_the_service(tmp_path: Path) -> None:
    with _watched(tmp_path) as (service, _), httpx.stream("GET", f"{service.url}/admin/migration/events") as response:
        lines = response.iter_lines()
        assert any(line == "event: status" for line in lines)
        os.kill(service.pid, signal.SIGTERM)
        # To its regular end: a connection that is cut raises an error here.
        assert all("trouble" not in line for line in lines)


def test_every_text_is_there_in_every_language() -> None:
    english, chinese = (ASSETS / "texts.js").read_text(encoding="utf-8").split("  zh: {")
    names = r"([\w-]+)\"?: \""
    assert re.findall(names, english) == re.findall(names, chinese)
    html = (ASSETS.parent / "index.html").read_text(encoding="utf-8")
    assert set(re.findall(r'data-text="([^"]+)"', html)) <= set(re.findall(names, english))


def test_it_is_small_and_lets_nothing_in(url: str) -> None:
    page = httpx.get(url)
    loaded, left = {}, set(re.findall(r'"(migration/page/[\w.]+)"', page.text))
    while left:
        name = left.pop()
        loaded[name] = httpx.get(f"{url.removesuffix('migration')}{name}")
        assert loaded[name].status_code == 200
        left |= {f"migration/page/{module}" for module in re.findall(r'from "\./([\w.]+)"', loaded[name].text)}
        left -= loaded.keys()
    assert len(loaded) > 10
    assert len(page.content) + sum(len(response.content) for response in loaded.values()) < LARGEST
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    again = loaded["migration/page/migration.js"]
    headers = {"If-None-Match": again.headers["etag"]}
    assert httpx.get(f"{url}/page/migration.js", headers=headers).status_code == 304
    assert httpx.get(f"{url}/page/none.js").status_code == 404
