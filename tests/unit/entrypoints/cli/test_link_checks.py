"""`s3py doctor links`: what would become of old links, one line after another."""

import io
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from s3py_helper.domain.errors import FileNotFoundException, StorageUnavailableException
from s3py_helper.domain.fastdfs_token import fastdfs_token
from s3py_helper.entrypoints.cli import link_checks, running
from s3py_helper.entrypoints.cli.link_checks import check_links

ID = "group1/M00/00/00/wKgBcGAAAAAAAAAAAAAAAAAAAA0123.jpg"
GONE = ID.replace("group1", "group8")
AWAY = ID.replace("group1", "group9")
NOW = 1_700_000_000


class Files:
    """Knows where files are."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def find_backend(self, file_id: str) -> str:
        self.asked.append(file_id)
        if file_id == GONE:
            raise FileNotFoundException("gone from 127.0.0.9", file_id=file_id)
        if file_id == AWAY:
            raise StorageUnavailableException("nobody answers", file_id=file_id)
        return "s3"


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Files:
    files = Files()

    @asynccontextmanager
    async def services(_config: object) -> AsyncGenerator[Any]:
        yield SimpleNamespace(info_service=files)

    monkeypatch.setattr(running, "open_services", services)
    monkeypatch.setattr(link_checks, "time", lambda: float(NOW))
    monkeypatch.chdir(tmp_path)
    return files


def checked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *lines: str, every: bool = True
) -> tuple[int, list[dict[str, Any]]]:
    """Exit code and objects."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
    code = check_links("-", every=every, as_json=True)
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def logged(request: str, at: datetime | None = None) -> str:
    moment = (at or datetime.fromtimestamp(NOW, UTC)).strftime("%d/%b/%Y:%H:%M:%S %z")
    return f'127.0.0.1 - - [{moment}] "{request}" 200 5 "-" "curl"'


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f"/{ID}", {"path": f"/{ID}", "status": 200, "file_id": ID, "by": "s3"}),
        (f"http://127.0.0.9:8888/{ID}?a=b", {"path": f"/{ID}", "status": 200, "file_id": ID, "by": "s3"}),
        (f"  /{ID} and more", {"path": f"/{ID}", "status": 200, "file_id": ID, "by": "s3"}),
        (logged(f"GET /{ID}?a HTTP/1.1"), {"path": f"/{ID}", "status": 200, "file_id": ID, "by": "s3"}),
        (logged(f"HEAD /{ID} HTTP/2.0"), {"path": f"/{ID}", "status": 200, "file_id": ID, "by": "s3"}),
        (logged(f"POST /{ID} HTTP/1.1"), {"path": f"/{ID}", "status": 405, "why": "POST is not allowed"}),
        ("/favicon.ico", {"path": "/favicon.ico", "status": 404, "why": "no link to a file"}),
        ("/\x1b[31m", {"path": "/%1B%5B31m", "status": 404, "why": "no link to a file"}),
        (f"/{GONE}", {"path": f"/{GONE}", "status": 404, "file_id": GONE, "why": f"no such file: {GONE}"}),
        (f"/{AWAY}", {"path": f"/{AWAY}", "status": 503, "file_id": AWAY, "why": "nobody answers"}),
    ],
)
def test_each_line_is_told_of(
    files: Files, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str,
    expected: dict[str, object],
) -> None:  # fmt: skip
    code, [told, last] = checked(monkeypatch, capsys, line)
    assert told == {"line": 1, **expected}
    answered = int(expected["status"] == 200)
    by = "s3" if answered else f"not answered: {expected['status']}"
    assert last == {"answered": answered, "links": 1, "counts": {by: 1}}
    assert code == (0 if answered else 3)


@pytest.mark.parametrize(
    ("token", "at", "told"),
    [
        ("", NOW, {"status": 400, "why": "the link has no token"}),
        ("?token={}&ts={}", NOW + 899, {"status": 200, "file_id": ID, "by": "s3"}),
        ("?token={}&ts={}", NOW + 901, {"status": 400, "why": "the token has expired"}),
        ("?token=no{}&ts={}", NOW, {"status": 400, "why": "the token is wrong"}),
    ],
)
@pytest.mark.usefixtures("files")
def test_a_token_is_looked_at_at_the_time_of_its_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], token: str, at: int, told: dict[str, object]
) -> None:
    monkeypatch.setenv("S3PY_FASTDFS_LINKS__SECRET", "secret")
    monkeypatch.setenv("S3PY_FASTDFS_LINKS__TTL", "900")
    query = token.format(fastdfs_token(ID.partition("/")[2], "secret", NOW), NOW)
    line = logged(f"GET /{ID}{query} HTTP/1.1", datetime.fromtimestamp(at, UTC))
    _, [found, _] = checked(monkeypatch, capsys, line)
    assert found == {"line": 1, "path": f"/{ID}", **told}


@pytest.mark.parametrize(("strict", "status"), [("false", 403), ("true", 200)])
@pytest.mark.usefixtures("files")
def test_a_wrong_token_is_answered_with_the_deny_page_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, strict: str, status: int
) -> None:
    (tmp_path / "deny.jpg").write_bytes(b"\xff\xd8\xff")
    for name, value in {"SECRET": "secret", "DENY_PAGE": str(tmp_path / "deny.jpg"), "STRICT": strict}.items():
        monkeypatch.setenv(f"S3PY_FASTDFS_LINKS__{name}", value)
    code, [found, last] = checked(monkeypatch, capsys, f"/{ID}?token=no&ts={NOW}")
    assert found == {"line": 1, "path": f"/{ID}", "status": status, "why": "the token is wrong"}
    assert (code, last["answered"]) == (3, 0)


def test_lines_are_counted_and_those_that_are_answered_left_out(
    files: Files, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(link_checks, "_AT_ONCE", 2)
    lines = [f"/{ID}", "", f"/{ID}", "/no", f"/{GONE}", f"/{ID}", "  "]
    code, [no, gone, last] = checked(monkeypatch, capsys, *lines, every=False)
    assert (code, no["line"], gone["line"]) == (3, 4, 5)
    assert last == {"answered": 3, "links": 5, "counts": {"s3": 3, "not answered: 404": 2}}
    assert len(files.asked) == 4


def test_people_get_lines(files: Files, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "log").write_text(f"/{ID}\n/no\n/{ID}\n", "utf-8")
    assert check_links("log", every=True, as_json=False) == 3
    assert capsys.readouterr().out == (
        f"1: 200 /{ID}: answered by s3\n2: 404 /no: no link to a file\n3: 200 /{ID}: answered by s3\n"
        "2 of 3 links would be answered (2 s3, 1 not answered: 404)\n"
    )
    (tmp_path / "log").write_text(f"/{ID}\n", "utf-8")
    assert check_links("log", every=False, as_json=False) == 0
    assert capsys.readouterr().out == "1 of 1 links would be answered (1 s3)\n"
    (tmp_path / "log").write_text("", "utf-8")
    assert check_links("log", every=False, as_json=False) == 0
    assert capsys.readouterr().out == "0 of 0 links would be answered\n"
    assert len(files.asked) == 3


@pytest.mark.parametrize("moment", ["", "[99/Xyz/2024:00:00:00 +0000]", "[31/Feb/2024:00:00:00 +0000]"])
def test_a_line_without_a_time_was_asked_for_now(files: Files, moment: str) -> None:
    assert files.asked == []
    assert link_checks._time_in(f"{moment} /a") == NOW  # noqa: SLF001 - logs may hold anything
