"""`s3py doctor`: what it looks at, how it tells, with which code it ends; and what it sees of a proxy in front."""

import http.client
import json
import select
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from s3py_helper.application.ports.examined import Examined, Verdict
from s3py_helper.domain.errors import InvalidArgumentException, StorageUnavailableException
from s3py_helper.entrypoints.cli import examining, front, running
from s3py_helper.entrypoints.cli.examining import examine
from s3py_helper.entrypoints.cli.front import examine_front
from s3py_helper.entrypoints.stamps import BLOCK, STAMP

DOWN = StorageUnavailableException("no connection")


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[Examined]:
    """What the backends are found to be."""
    found: list[Examined] = []

    async def diagnosed() -> list[Examined]:
        return found

    @asynccontextmanager
    async def services(_config: object) -> AsyncGenerator[Any]:
        yield SimpleNamespace(diagnosis_service=SimpleNamespace(examine=diagnosed))

    monkeypatch.setattr(running, "open_services", services)
    return found


SETTINGS = f"works    {'settings: can be read':54}  all are defaults\n"


def test_what_was_found_is_told_line_by_line(found: list[Examined], capsys: pytest.CaptureFixture[str]) -> None:
    found += [
        Examined("disk", "upload", Verdict.WORKS),
        Examined("disk", "links", Verdict.LACKS, "none here", "use the service"),
        Examined("s3", "reached", Verdict.FAILS, "no connection", error=DOWN),
        Examined("s3", "mended", Verdict.FAILS, "odd", "do this", error=DOWN),
    ]
    assert examine(None, as_json=False) == 5
    told = (
        f"{SETTINGS}works    disk: upload\n"
        f"lacks    {'disk: links':54}  none here\n         -> use the service\n"
        f"fails    {'s3: reached':54}  no connection\n"
        "         -> check S3PY_S3__ENDPOINT, and whether the server runs\n"
        f"fails    {'s3: mended':54}  odd\n         -> do this\n"
    )
    assert capsys.readouterr() == (told, "")


def test_programs_get_an_object_for_each(found: list[Examined], capsys: pytest.CaptureFixture[str]) -> None:
    found += [Examined("é", "a", Verdict.FAILS, "b", "c"), Examined("s3", "reached", Verdict.FAILS, "d", error=DOWN)]
    assert examine(None, as_json=True) == 1, "the code of the first that fails"
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == [
        {"subject": "settings", "ability": "can be read", "verdict": "works", "says": "all are defaults", "mend": ""},
        {"subject": "é", "ability": "a", "verdict": "fails", "says": "b", "mend": "c"},
        {
            "subject": "s3", "ability": "reached", "verdict": "fails", "says": "d",
            "mend": "check S3PY_S3__ENDPOINT, and whether the server runs",
        },
    ]  # fmt: skip
    assert "é" in lines[1]


def test_settings_are_counted_and_looked_at(
    found: list[Examined], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(".env").write_text("S3PY_S3__ENDPOINT=https://127.0.0.9\nS3PY_S3__ACCESS_KEY_ID=a\n", "utf-8")
    settings = {"MODE": "fastdfs", "FASTDFS__TRACKER_SERVERS": "127.0.0.9:1", "BUCKETS": "b", "S3__VERIFY_TLS": "false"}
    for name, value in (settings | {"S3__SECRET_ACCESS_KEY": "s", "S3__DEFAULT_BUCKET": "files"}).items():
        monkeypatch.setenv(f"S3PY_{name}", value)
    assert (examine(None, as_json=False), found) == (0, [])
    assert capsys.readouterr().out == (
        f"works    {'settings: can be read':54}  6 from environment, 2 from .env\n"
        f"warning  {'settings: S3PY_BUCKETS':54}  FastDFS has no buckets\n         -> use S3PY_GROUPS\n"
        f"warning  {'settings: S3PY_S3__VERIFY_TLS':54}  "
        "false accepts every certificate: whoever is on the way can read and change everything\n"
        "         -> set it to the path of the CA bundle that has signed the server's\n"
    )


@pytest.mark.parametrize("as_json", [False, True])
def test_settings_that_cannot_be_read_are_the_only_finding(
    found: list[Examined], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    found.append(Examined("disk", "upload", Verdict.WORKS))
    monkeypatch.setenv("S3PY_MODE", "s3")
    assert examine(None, as_json=as_json) == 2
    [told] = capsys.readouterr().out.split("\n         -> ")[:1] if not as_json else [capsys.readouterr().out]
    if as_json:
        facts = json.loads(told)
        assert "S3PY_S3__ENDPOINT" in facts.pop("says")
        assert facts == {
            "subject": "settings", "ability": "can be read", "verdict": "fails", "mend": "docs/configuration.md"
        }  # fmt: skip
    else:
        assert told.startswith("fails    settings: can be read")
        assert "disk" not in told


def test_what_is_in_front_is_looked_at_where_it_is_named(
    found: list[Examined], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def examine_it(url: str) -> list[Examined]:
        asked.append(url)
        return [Examined("service", "reached", Verdict.FAILS, "not there")]

    monkeypatch.setattr(examining, "examine_front", examine_it)
    assert (examine(None, as_json=False), asked, found) == (0, [], [])
    assert examine("http://127.0.0.9", as_json=False) == 1
    assert asked == ["http://127.0.0.9"]
    assert capsys.readouterr().out.endswith(f"fails    {'service: reached':54}  not there\n")


class Wire:
    """The connections of one examination, and what each path is answered with: status, body, or an error."""

    def __init__(self, **answers: tuple[int, bytes] | Exception) -> None:
        self.answers: dict[str, Any] = {
            "health": (200, b'{"status": "ok"}'),
            "upload": (415, b'{"type": "urn:problem-type:s3py-helper:x"}'),
            "stream": (200, _stamped(last=3.0)),
        } | answers
        self.opened: list[Connection] = []
        self.slept: list[float] = []
        self.ready = True

    def connect(self, host: str, port: int | None, *, timeout: float) -> "Connection":
        self.opened.append(Connection(self, host, port, timeout))
        return self.opened[-1]


class Connection:
    def __init__(self, wire: Wire, host: str, port: int | None, timeout: float) -> None:
        self.reached = (host, port, timeout)
        self.asked: list[object] = []
        self.sent = 0
        self.closed = False
        self.sock = object()
        self._wire = wire

    def request(self, method: str, path: str) -> None:
        self.asked = [method, path]

    putrequest = request

    def putheader(self, name: str, value: str) -> None:
        self.asked.append((name, value))

    def endheaders(self) -> None:
        """It sends nothing."""

    def send(self, content: bytes) -> None:
        self.sent += len(content)

    def getresponse(self) -> "Connection":
        answer = self._wire.answers[str(self.asked[1]).rpartition("/")[2]]
        if isinstance(answer, Exception):
            raise answer
        self.status, self._body = answer
        return self

    def read(self, most: int | None = None) -> Any:
        most = len(self._body) if most is None else most
        read, self._body = self._body[:most], self._body[most:]
        return read

    def close(self) -> None:
        self.closed = True


def _stamped(*, last: float) -> bytes:
    first = b"%-16.3f" % 0.0
    return b"".join(stamp.ljust(BLOCK) for stamp in (first, first, b"%-*.3f" % (STAMP, last)))


def looked_at(monkeypatch: pytest.MonkeyPatch, wire: Wire, url: str = "http://127.0.0.9:81/base/") -> list[Examined]:
    monkeypatch.setattr(front, "BLOCKS", 3)
    for kind in ("HTTPConnection", "HTTPSConnection"):
        monkeypatch.setattr(http.client, kind, wire.connect)
    monkeypatch.setattr(time, "sleep", wire.slept.append)
    monkeypatch.setattr(select, "select", lambda read, *_: (read if wire.ready else [], [], []))
    found = examine_front(url)
    assert all(each.closed for each in wire.opened)
    return found


UP, DOWN_WAY = "uploads arrive as they are sent", "downloads arrive as they are sent"
REACHED = Examined("service", "reached", Verdict.WORKS)
NO_TIME = "could not convert string to float: b''"
NGINX = "nginx: proxy_request_buffering off; proxy_buffering off;"


def test_a_service_that_is_reached_directly_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire()
    assert looked_at(monkeypatch, wire) == [
        REACHED, Examined("service", UP, Verdict.WORKS), Examined("service", DOWN_WAY, Verdict.WORKS)
    ]  # fmt: skip
    assert [each.asked for each in wire.opened] == [
        ["GET", "/base/health"],
        ["POST", "/base/files/upload", ("Content-Type", "text/plain"), ("Content-Length", "1048576")],
        ["GET", "/base/livez/stream"],
    ]
    assert [each.reached for each in wire.opened] == [
        ("127.0.0.9", 81, 5.0),
        ("127.0.0.9", 81, 5.0),
        ("127.0.0.9", 81, 30.0),
    ]
    assert (wire.opened[1].sent, wire.slept) == (1024, [3.0])


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"health": (503, b'{"status": "degraded"}')}, REACHED),
        (
            {"upload": (413, b"too large")},
            Examined("service", UP, Verdict.WARNING, "something in front of it answered with 413"),
        ),
        (
            {"upload": ConnectionResetError("reset")},
            Examined("service", UP, Verdict.WARNING, "a refused upload broke off: reset"),
        ),
        (
            {"upload": http.client.BadStatusLine("odd")},
            Examined("service", UP, Verdict.WARNING, "a refused upload broke off: odd"),
        ),
        (
            {"upload": TimeoutError()},
            Examined("service", UP, Verdict.WARNING, "a proxy in front of it keeps them until they are whole", NGINX),
        ),
        (
            {"stream": (404, b"")},
            Examined("service", DOWN_WAY, Verdict.LACKS, "/livez/stream is answered with 404: cannot be told"),
        ),
        (
            {"stream": (200, _stamped(last=1.4))},
            Examined(
                "service", DOWN_WAY, Verdict.WARNING,
                "a proxy in front of it takes what clients have not fetched yet, and keeps it", NGINX,
            ),
        ),
        ({"stream": (200, _stamped(last=1.5))}, Examined("service", DOWN_WAY, Verdict.WORKS)),
        (
            {"stream": (200, b"nonsense")},
            Examined("service", DOWN_WAY, Verdict.WARNING, f"a response broke off: {NO_TIME}"),
        ),
        ({"stream": OSError("reset")}, Examined("service", DOWN_WAY, Verdict.WARNING, "a response broke off: reset")),
        (
            {"stream": http.client.BadStatusLine("odd")},
            Examined("service", DOWN_WAY, Verdict.WARNING, "a response broke off: odd"),
        ),
    ],
)  # fmt: skip
def test_what_stands_in_front_is_told_by_what_it_does(
    monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any], expected: Examined
) -> None:
    found = looked_at(monkeypatch, Wire(**answers))
    assert len(found) == 3
    assert expected in found


def test_a_proxy_that_waits_for_whole_uploads_gets_no_whole_one(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire()
    wire.ready = False
    [_, uploads, _] = looked_at(monkeypatch, wire)
    assert (uploads.verdict, uploads.mend) == (Verdict.WARNING, NGINX)
    assert wire.opened[1].sent == 10 * 1024, "for five seconds, each half second"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((404, b'{"status": 1}'), "/health is answered with 404"),
        ((200, b"<html>"), "/health is answered with 200, and not by the service"),
        ((200, b"5"), "/health is answered with 200, and not by the service"),
        ((200, b'"status"'), "/health is answered with 200, and not by the service"),
        ((200, b"{}"), "/health is answered with 200, and not by the service"),
        ((200, b'{"status": "ok"}'.rjust(64 * 1024 + 1)), "/health is answered with 200, and not by the service"),
    ],
)
def test_whatever_is_not_the_service_is_looked_at_no_further(
    monkeypatch: pytest.MonkeyPatch, answer: tuple[int, bytes], says: str
) -> None:
    wire = Wire(health=answer)
    mend = "check the address, and what is in front of it"
    assert looked_at(monkeypatch, wire) == [Examined("service", "reached", Verdict.FAILS, says, mend)]
    assert len(wire.opened) == 1


@pytest.mark.parametrize("error", [ConnectionRefusedError("refused"), http.client.BadStatusLine("odd")])
def test_a_service_that_is_not_reached(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    [found] = looked_at(monkeypatch, Wire(health=error), "https://127.0.0.9")
    assert found == Examined(
        "service", "reached", Verdict.FAILS, f"https://127.0.0.9: {error}", "check the address, and whether it runs"
    )


@pytest.mark.parametrize("url", ["ftp://127.0.0.9", "nonsense", "http://", "http:///a"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidArgumentException, match=r"a service has an address like https://files\.example\.com"):
        examine_front(url)
