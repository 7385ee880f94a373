"""The page at `/`, as people use it."""

import hashlib
import re
import shlex
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.integration.page.accessible import assert_accessible
from tests.integration.page.conftest import Open
from tests.integration.service.process import Process, serving
from tests.support.browser import wait_until

pytestmark = pytest.mark.timeout(120)

LARGEST = 40 * 1024


def _stored(page: Page, *paths: Path) -> None:
    page.set_input_files("#files", paths)
    expect(page.locator("#uploads li.done")).to_have_count(len(paths))


def _delete_all(page: Page) -> None:
    while page.locator("#rows li").count():
        before = page.locator("#rows li").count()
        page.locator("#rows li").first.get_by_role("button", name="Delete").click()
        page.locator("#question .danger").click()
        expect(page.locator("#rows li")).to_have_count(before - 1)


def test_a_file_is_stored_found_described_fetched_and_deleted(service: Process, opened: Open, a_file: Path) -> None:
    page = opened(service.url)
    expect(page.locator(".facts")).to_contain_text("filesystem")
    expect(page.locator("#health")).to_have_text("well")
    _stored(page, a_file)

    page.reload()
    row = page.locator("#rows li")
    expect(row).to_have_count(1)
    expect(row.locator("bdi").first).to_have_text(re.compile("report"))
    row.get_by_role("button", name="Info").click()
    expect(page.locator("#details-title")).to_have_text(a_file.name)
    expect(page.locator("#facts")).to_contain_text("500 B")
    expect(page.locator("#file-commands code").first).to_contain_text("curl -OJ")
    page.keyboard.press("Escape")

    with page.expect_download() as downloading:
        row.get_by_role("button", name="Download").click()
    assert Path(downloading.value.path()).read_bytes() == a_file.read_bytes()

    row.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Keep it").click()
    expect(row).to_have_count(1)
    _delete_all(page)
    expect(page.locator("#listing")).to_contain_text("deleted")
    assert service.files == set()


def test_the_commands_can_be_pasted_as_they_are(service: Process, opened: Open, a_file: Path) -> None:
    page = opened(service.url)
    _stored(page, a_file)
    page.locator("#rows li").first.get_by_role("button", name="Info").click()
    expect(page.locator("#file-commands code")).to_have_count(3)
    commands = page.locator("#file-commands code").all_text_contents()
    fetching, describing, deleting = (shlex.split(command)[-1] for command in commands)
    assert httpx.get(describing).json()["file_name"] == a_file.name
    assert httpx.get(fetching).content == a_file.read_bytes()
    assert httpx.delete(deleting).status_code == 200


def test_a_search_shows_what_begins_so_page_by_page(service: Process, opened: Open, tmp_path: Path) -> None:
    for number in range(60):
        httpx.post(f"{service.url}/files/upload?folder=many", files={"file": (f"{number}.txt", b"x")})
    (tmp_path / "other.txt").write_bytes(b"x")
    page = opened(service.url)
    _stored(page, tmp_path / "other.txt")
    page.get_by_label("Key begins with").fill("many/")
    page.keyboard.press("Enter")
    expect(page.locator("#rows li")).to_have_count(50)
    expect(page.locator("#listing")).to_have_text("50 files, and more")
    page.get_by_role("button", name="More").click()
    expect(page.locator("#listing")).to_have_text("60 files")
    page.get_by_label("Key begins with").fill("nothing")
    page.keyboard.press("Enter")
    expect(page.locator("#listing")).to_have_text("No files.")


def test_a_file_is_stored_and_deleted_with_the_keyboard_alone(service: Process, opened: Open, a_file: Path) -> None:
    page = opened(service.url)
    page.on("filechooser", lambda chooser: chooser.set_files(a_file))
    expect(page.locator("#listing")).not_to_be_empty()
    page.locator("#files").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#uploads li.done")).to_have_count(1)
    row = page.locator("#rows li").first
    for _ in range(30):
        if page.evaluate("document.activeElement.closest('#rows') && document.activeElement.textContent") == "Delete":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#question")).to_be_visible()
    name = row.locator("bdi").first.text_content()
    assert name is not None
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#listing")).to_have_text(f"deleted: {name}")


def test_folders_that_are_dropped_keep_their_structure(service: Process, opened: Open) -> None:
    page = opened(service.url)
    # What a browser hands to a page cannot be dropped by a program; this is its shape (File and Directory Entries API).
    names = page.evaluate(
        """async () => {
            const { droppedFiles } = await import("./page/dropped.js");
            const file = (name) => ({ isFile: true, file: (give) => give(new File(["x"], name)) });
            const folder = (name, ...all) => ({ name, createReader: () => {
                const batches = [all.slice(0, 1), all.slice(1), []];
                return { readEntries: (give) => give(batches.shift()) };
            }});
            const entry = folder("a", file("1"), folder("b", file("2")), file("3"));
            const found = await droppedFiles({ items: [{ webkitGetAsEntry: () => entry }] });
            return found.map(({ file, folder }) => `${folder}/${file.name}`);
        }"""
    )
    assert names == ["a/1", "a/b/2", "a/3"]


def test_an_upload_that_is_refused_says_why_and_can_be_tried_again(tmp_path: Path, opened: Open, a_file: Path) -> None:
    with serving(tmp_path, S3PY_FILE_TYPES__BLACKLIST="txt") as service:
        refused = "Failed to load resource: the server responded with a status of 400 (Bad Request)"
        page = opened(service.url, expected=refused)
        page.set_input_files("#files", a_file)
        expect(page.locator("#uploads li.failed .note")).to_contain_text("not stored: ")
        page.get_by_role("button", name="Try again").click()
        expect(page.locator("#uploads li.failed")).to_have_count(1)
        assert service.files == set()


def _log_in_first(route: Route) -> None:
    route.fulfill(status=200, content_type="text/html", body="<!doctype html><title>Log in to this network</title>")


def test_a_page_in_place_of_a_response_is_no_success(tmp_path: Path, opened: Open, a_file: Path) -> None:
    with serving(tmp_path) as service:
        page = opened(service.url)
        _stored(page, a_file)
        page.route("**/files/**", _log_in_first)
        page.set_input_files("#files", a_file)
        expect(page.locator("#uploads li.failed .note")).to_have_text("not stored: the connection broke")
        page.locator("#rows li").get_by_role("button", name="Delete").click()
        page.locator("#question .danger").click()
        expect(page.locator("#listing")).to_have_text("the connection broke")
        expect(page.locator("#rows li")).to_have_count(1)
        page.unroute_all()
        page.get_by_role("button", name="Try again").click()
        expect(page.locator("#uploads li.done")).to_have_count(2)
        assert len(service.files) == 2


def test_an_upload_whose_connection_breaks_says_so(service: Process, opened: Open, a_file: Path) -> None:
    page = opened(service.url, expected="Failed to load resource: net::ERR_CONNECTION_RESET")
    page.route("**/files/upload", lambda route: route.abort("connectionreset"))
    page.set_input_files("#files", a_file)
    expect(page.locator("#uploads li.failed .note")).to_have_text("not stored: the connection broke")


def test_an_upload_can_be_cancelled(service: Process, opened: Open, tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        file.truncate(512 * 1024 * 1024)
    before = service.files
    page = opened(service.url)
    session = page.context.new_cdp_session(page)
    session.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 1024 * 1024},
    )
    page.set_input_files("#files", large)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#uploads li.failed .note")).to_have_text("cancelled")
    wait_until(page, "fetch('health').then(response => response.ok)")
    assert service.files == before


def test_a_service_with_a_token_asks_for_it(tmp_path: Path, opened: Open, a_file: Path) -> None:
    with serving(tmp_path, S3PY_API_TOKEN="it is secret") as service:
        refused = "Failed to load resource: the server responded with a status of 401 (Unauthorized)"
        page = opened(service.url, expected=refused)
        page.get_by_label("Token", exact=True).fill("a guess")
        page.keyboard.press("Enter")
        expect(page.locator("#token-problem")).to_have_text("The token is not accepted.")
        page.get_by_label("Token", exact=True).fill("it is secret")
        page.keyboard.press("Enter")
        expect(page.locator("#listing")).to_have_text("No files.")
        _stored(page, a_file)
        with page.expect_download() as downloading:
            page.locator("#rows li").get_by_role("button", name="Download").click()
        assert Path(downloading.value.path()).read_bytes() == a_file.read_bytes()
        assert "it is secret" not in page.content()
        page.locator("#rows li").get_by_role("button", name="Info").click()
        expect(page.locator("#file-commands code").first).to_contain_text('-H "Authorization: Bearer $TOKEN"')


def _signed_in(page: Page, token: str) -> None:
    page.get_by_label("Token", exact=True).fill(token)
    page.keyboard.press("Enter")
    expect(page.locator("#listing")).not_to_be_empty()


def test_with_a_token_the_browser_fetches_by_a_signed_link_and_keeps_nothing(
    tmp_path: Path, opened: Open, a_file: Path
) -> None:
    with serving(tmp_path, S3PY_API_TOKEN="it is secret", S3PY_LINK_KEYS=f"k={'k' * 32}") as service:
        page = opened(service.url)
        _signed_in(page, "it is secret")
        _stored(page, a_file)
        page.evaluate("void (URL.createObjectURL = () => { throw new Error('kept in memory'); })")
        with page.expect_download() as downloading:
            page.locator("#rows li").get_by_role("button", name="Download").click()
        assert "/signed/" in downloading.value.url
        assert "it is secret" not in downloading.value.url
        assert downloading.value.suggested_filename == a_file.name.replace("<", "_").replace(">", "_")
        assert Path(downloading.value.path()).read_bytes() == a_file.read_bytes()


def test_a_token_that_may_sign_nothing_fetches_as_before(tmp_path: Path, opened: Open, a_file: Path) -> None:
    settings = {
        "S3PY_LINK_KEYS": f"k={'k' * 32}",
        "S3PY_TOKENS__WEB__SHA256": hashlib.sha256(b"reads and writes").hexdigest(),
        "S3PY_TOKENS__WEB__SCOPES": "read, write, list",
    }
    refused = "Failed to load resource: the server responded with a status of 403 (Forbidden)"
    with serving(tmp_path, **settings) as service:
        page = opened(service.url, expected=refused)
        _signed_in(page, "reads and writes")
        _stored(page, a_file)
        with page.expect_download() as downloading:
            page.locator("#rows li").get_by_role("button", name="Download").click()
        assert Path(downloading.value.path()).read_bytes() == a_file.read_bytes()


def test_what_is_too_large_for_memory_is_said_to_be(tmp_path: Path, opened: Open) -> None:
    with serving(tmp_path, S3PY_API_TOKEN="it is secret") as service:
        large = {"file_id": "fs:files/large.bin", "file_name": "large.bin", "file_size": 256 * 1024 * 1024 + 1}
        page = opened(service.url)
        page.route("**/files?*", lambda route: route.fulfill(json={"files": [large], "cursor": None}))
        _signed_in(page, "it is secret")
        page.locator("#rows li").get_by_role("button", name="Download").click()
        expect(page.locator("#listing")).to_contain_text("fetches up to 256 MiB")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
def test_it_is_accessible_and_fits_a_phone(
    service: Process, opened: Open, a_file: Path, scheme: str, locale: str
) -> None:
    page = opened(service.url, color_scheme=scheme, locale=locale, viewport={"width": 360, "height": 740})
    _stored(page, a_file)
    assert page.evaluate("document.documentElement.lang") == {"en-GB": "en", "zh-CN": "zh-CN"}[locale]
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert_accessible(page)
    page.locator("#rows li").first.get_by_role("button").nth(1).click()
    expect(page.locator("#details")).to_be_visible()
    assert_accessible(page)


def test_the_language_can_be_changed_and_is_kept(service: Process, opened: Open) -> None:
    page = opened(service.url)
    page.locator("#language").click()
    expect(page.locator("#store-title")).to_have_text("存储文件")
    page.reload()
    expect(page.locator("#store-title")).to_have_text("存储文件")
    assert (
        page.evaluate("""async () => {
        const { text } = await import("./page/texts.js");
        return [...document.querySelectorAll("[data-text]")].filter((each) => !text(each.dataset.text)).length;
    }""")
        == 0
    )


def test_every_text_is_there_in_every_language() -> None:
    texts = Path("src/s3py_helper/entrypoints/http/browser/page/assets/texts.js").read_text(encoding="utf-8")
    english, chinese = texts.split("  zh: {")
    names = r"(\w+): \""
    assert re.findall(names, english) == re.findall(names, chinese.split("const LANGUAGE")[0])


def test_it_is_small_and_lets_nothing_in(service: Process) -> None:
    page = httpx.get(service.url)
    bodies: dict[str, httpx.Response] = {}
    left = set(re.findall(r'"(page/[\w.]+)"', page.text))
    while left:
        name = left.pop()
        bodies[name] = httpx.get(f"{service.url}/{name}")
        left |= {f"page/{module}" for module in re.findall(r'from "\./([\w.]+)"', bodies[name].text)} - bodies.keys()
    assert all(body.status_code == 200 for body in bodies.values())
    assert len(page.content) + sum(len(body.content) for body in bodies.values()) < LARGEST
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    again = httpx.get(f"{service.url}/page/page.js", headers={"If-None-Match": bodies["page/page.js"].headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert httpx.get(f"{service.url}/page/../index.html").status_code == 404


def test_settings_switch_page_and_documentation_off(tmp_path: Path) -> None:
    with serving(tmp_path, S3PY_PAGE="false", S3PY_DOCS="false") as service:
        for path in ("/", "/page/page.js", "/docs", "/docs/own/start.js", "/openapi.json"):
            assert httpx.get(service.url + path).status_code == 404


def test_the_documentation_needs_no_internet(service: Process, opened: Open) -> None:
    page = opened(service.url + "/docs")
    expect(page.locator(".opblock").first).to_be_visible()
    page.locator("#operations-files-upload_file").click()
    expect(page.locator("#operations-files-upload_file .try-out")).to_be_visible()
