"""Every request of the table, on the server of `s3py serve`."""

from pathlib import Path

import pytest

from tests.integration.old_links.asking import ask, difference
from tests.integration.old_links.row import Row, Setup
from tests.integration.old_links.site import service_for, site_in_memory
from tests.integration.old_links.table import TABLE

pytestmark = pytest.mark.timeout(60)


def test_the_table_is_long_enough_and_says_nothing_twice() -> None:
    rows = [row for section in TABLE.values() for row in section]
    assert len(rows) >= 250
    assert len({row.request for row in rows}) == len(rows)


@pytest.mark.parametrize("strict", [False, True], ids=["usual", "strict"])
@pytest.mark.parametrize("section", TABLE)
async def test_requests_are_answered_as_the_table_says(section: str, strict: bool, tmp_path: Path) -> None:
    wrong: list[str] = []
    async with site_in_memory() as (services, files):
        for setup in Setup:
            rows = [row for row in TABLE[section] if row.setup is setup]
            if not rows:
                continue
            async with service_for(services, setup, tmp_path, strict=strict) as url:
                host, port = url.removeprefix("http://").split(":")
                for row in rows:
                    response = await ask((host, int(port)), row, files.names)
                    problem = difference(row, *_expected(row, strict=strict), response, files)
                    if problem is not None:
                        wrong.append(f"{row}: {problem}")
    assert not wrong, "\n".join(wrong)


def _expected(row: Row, *, strict: bool) -> tuple[str, dict[str, str | None]]:
    if not strict:
        return row.here, dict(row.tells)
    return row.here_strictly, dict(row.tells if row.strict_tells is None else row.strict_tells)
