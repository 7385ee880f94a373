"""Whether pages can be used by all."""

from importlib.resources import files

from playwright.sync_api import Page


def assert_accessible(page: Page) -> None:
    """axe-core finds nothing."""
    # The policy of the page lets no script in but its own: axe is put in from behind.
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
    assert page.evaluate("axe.run().then(({ violations }) => violations)") == []
