"""Chromium, driven as a person would use it."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def pytest_report_header() -> str:
    return f"Chromium: {_CHROMIUM or 'not found: the page is not tried in a browser'}"


# Not for the session: while it is open, an event loop runs in this thread, and tests that are coroutines cannot.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's own; nothing is downloaded."""
    if _CHROMIUM is None:
        pytest.skip("no Chromium")
    # Its sandbox refuses to run as root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=arguments)
        yield browser
        browser.close()
