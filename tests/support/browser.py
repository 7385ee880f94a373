"""Chromium, driven as a person would use it."""

import os
import shutil
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def pytest_report_header() -> str:
    return f"Chromium: {_CHROMIUM or 'not found: the page is not tried in a browser'}"


# Not for the session: while it is open, an event loop runs in this thread, and tests that are coroutines cannot.
@pytest.fixture(scope="module")
def chromium() -> "Iterator[Browser]":
    """The system's own; nothing is downloaded."""
    if _CHROMIUM is None:
        pytest.skip("no Chromium")
    # Imported here, as every run loads this plugin.
    from playwright.sync_api import expect, sync_playwright  # noqa: PLC0415 - see above

    # What a page shows depends on what processes do that share the machine with it: five seconds can be too few.
    expect.set_options(timeout=20_000)
    # Its sandbox refuses to run as root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=arguments)
        yield browser
        browser.close()


def wait_until(page: "Page", promise: str, *, seconds: float = 10) -> None:
    """Return once the promise that the expression makes comes to something true.

    `Page.wait_for_function` takes the promise itself for something true, and waits for nothing.
    """
    deadline = time.monotonic() + seconds
    while not page.evaluate(promise):
        assert time.monotonic() < deadline, f"waited in vain for {promise}"
        page.wait_for_timeout(20)
