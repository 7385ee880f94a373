"""The page of a service, open in a browser."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.integration.service.process import Process, serving

type Open = Callable[..., Page]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """The service on the local disk, as `make run` starts it."""
    with serving(tmp_path_factory.mktemp("service")) as process:
        yield process


@pytest.fixture
def opened(chromium: Browser) -> Iterator[Open]:
    """Open a page; at the end, nothing has been said on its console, and nothing was fetched from elsewhere."""
    complaints: list[str] = []
    contexts = []

    def open_page(url: str, *, expected: str = "", **options: Any) -> Page:
        context = chromium.new_context(**options)
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.text not in expected else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        origin = "/".join(url.split("/")[:3])
        page.on("request", lambda sent: complaints.append(sent.url) if not _from(origin, sent.url) else None)
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def _from(origin: str, url: str) -> bool:
    return url.startswith((origin + "/", f"blob:{origin}/"))


@pytest.fixture
def a_file(tmp_path: Path) -> Path:
    """A file to store."""
    path = tmp_path / "report <b> 2026.txt"
    path.write_bytes(b"hello" * 100)
    return path
