"""`s3py migrate ledger copy`, and what is shown to those who do not know what to type."""

import asyncio
from types import SimpleNamespace

import pytest

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.entrypoints.cli.migration import moving
from tests.support.migration.commands import Operator

COPIED = {"file": SimpleNamespace(rows=3, digest="ab" * 32), "event": SimpleNamespace(rows=12, digest="cd" * 32)}


@pytest.fixture
def copies(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    asked: list[tuple[str, str]] = []

    async def copy_ledger_to(origin: str, destination: str) -> dict[str, SimpleNamespace]:
        asked.append((origin, destination))
        if origin == "lost.db":
            raise InvalidArgumentException("lost.db: there is no such ledger")
        if origin == "interrupted.db":
            raise KeyboardInterrupt
        await asyncio.sleep(0)
        return COPIED

    monkeypatch.setattr(moving, "copy_ledger_to", copy_ledger_to)
    return asked


def test_a_copy_tells_what_it_has_copied(operator: Operator, copies: list[tuple[str, str]]) -> None:
    typed = operator.types("ledger", "copy", "ledger.db", "postgresql://127.0.0.9/l")
    assert (typed.code, typed.err) == (0, "")
    assert typed.out == (
        f"file                3 rows  sha256:{'ab' * 32}\nevent              12 rows  sha256:{'cd' * 32}\n"
    )
    assert operator.types("ledger", "copy", "ledger.db", "postgresql://127.0.0.9/l", "--json").objects == [
        {"type": "table", "name": "file", "rows": 3, "sha256": "ab" * 32},
        {"type": "table", "name": "event", "rows": 12, "sha256": "cd" * 32},
    ]
    assert copies == [("ledger.db", "postgresql://127.0.0.9/l")] * 2


@pytest.mark.parametrize(
    ("origin", "code", "err"),
    [("lost.db", 2, "s3py: lost.db: there is no such ledger\n"), ("interrupted.db", 130, "")],
)
@pytest.mark.usefixtures("copies")
def test_a_copy_that_fails_ends_with_its_code(operator: Operator, origin: str, code: int, err: str) -> None:
    typed = operator.types("ledger", "copy", origin, "postgresql://127.0.0.9/l")
    assert (typed.code, typed.out, typed.err) == (code, "", err)


@pytest.mark.parametrize(("arguments", "shown"), [((), "preflight"), (("ledger",), "copy")])
def test_without_a_command_all_are_shown(operator: Operator, arguments: tuple[str, ...], shown: str) -> None:
    typed = operator.types(*arguments)
    assert typed.code == 2
    assert f"  {shown}  " in typed.out + typed.err
