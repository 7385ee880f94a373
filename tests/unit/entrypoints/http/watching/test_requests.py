"""What is known of a request in the end, how it is written down, and how it is counted."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from s3py_helper.application.ports.observer import (
    ConnectionReplaced,
    OperationBegan,
    OperationEnded,
    PoolWaited,
    RequestRetried,
)
from s3py_helper.application.ports.pool_use import PoolUse
from s3py_helper.domain.errors import FileNotFoundException, StorageUnavailableException
from s3py_helper.entrypoints.http.downloads.sourced_response import UNSENT_EXTENSION
from s3py_helper.entrypoints.http.problems.route import ResponseCutShort
from s3py_helper.entrypoints.http.request_record import RequestRecord, current_request, record_of
from s3py_helper.entrypoints.http.watching import metrics as metrics_module
from s3py_helper.entrypoints.http.watching import watch as watch_module
from s3py_helper.entrypoints.http.watching.access_log import ACCESS_LOGGER, AccessLog
from s3py_helper.entrypoints.http.watching.metrics import SHARED_FOLDER, Metrics
from s3py_helper.entrypoints.http.watching.watch import Watch

type App = Callable[[Any, Any, Any], Awaitable[None]]


class Noting:
    """Remembers what it is told, in order."""

    def __init__(self) -> None:
        self.told: list[tuple[str, RequestRecord]] = []

    def began(self, record: RequestRecord) -> None:
        self.told.append(("began", record))

    def ended(self, record: RequestRecord) -> None:
        self.told.append(("ended", record))


async def watched(
    app: App, *messages: dict[str, Any], gone: bool = False, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> tuple[RequestRecord, list[dict[str, Any]], BaseException | None]:
    """The record of one request, what its client got, and what was raised."""
    incoming, sent, raised, noting = iter(messages), list[dict[str, Any]](), None, Noting()

    async def receive() -> dict[str, Any]:
        return next(incoming)

    async def send(message: Any) -> None:
        sent.append(dict(message))

    scope = {
        "type": "http", "method": "GET", "path": "/a\n", "client": ("127.0.0.5", 1), "scheme": "http",
        "headers": [(b"x-request-id", b"it"), *headers], "extensions": {UNSENT_EXTENSION: {"gone": lambda: gone}},
    }  # fmt: skip
    try:
        await Watch(app, [noting])(scope, receive, send)
    except BaseException as error:  # noqa: BLE001 - it is what the test looks at
        raised = error
    [(first, record), (last, same)] = noting.told
    assert (first, last, record is same) == ("began", "ended", True)
    return record, sent, raised


def start(status: int = 200) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": [(b"a", b"b")]}


def body(content: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": content, "more_body": more}


async def whole(scope: Any, receive: Any, send: Any) -> None:
    assert record_of(scope) is current_request.get()
    scope["route"] = type("Route", (), {"path_format": "/files/{file_id}"})
    scope["path_params"] = {"file_id": "s3:b/k"}
    await receive()
    await receive()
    await send(start())
    await send(body(b"123", more=True))
    await send(body(b"45"))
    await receive()


ARRIVING = ({"type": "http.request", "body": b"ab", "more_body": True}, {"type": "http.request", "body": b"c"})
LEFT = {"type": "http.disconnect"}


async def test_a_request_is_described_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([1.0, 3.5])
    monkeypatch.setattr(watch_module, "monotonic", lambda: next(now))
    record, sent, raised = await watched(whole, *ARRIVING, LEFT)
    assert (raised, sent[0]["headers"]) == (None, [(b"a", b"b"), (b"x-request-id", b"it")])
    assert (record.received, record.sent, record.status) == (3, 5, 200)
    assert (record.route, record.file_id, record.broken_by) == ("/files/{file_id}", "s3:b/k", None)
    assert (record.first_byte_after, record.seconds) == (1.0 - record.began, 3.5 - record.began)


def ending(error: BaseException | None = None, *messages: dict[str, Any], reads: int = 0) -> App:
    async def app(_scope: Any, receive: Any, send: Any) -> None:
        for _ in range(reads):
            await receive()
        for message in messages:
            await send(message)
        if error is not None:
            raise error

    return app


@pytest.mark.parametrize(
    ("app", "gone", "broken_by", "raises"),
    [
        (ending(None, start(), body(b"")), False, None, False),
        (ending(None, start(), body(b"")), True, "client", False),
        (ending(None, start(499), body(b"")), False, "client", False),
        (ending(None, start(408), body(b"")), False, "limit", False),
        (ending(None, start(), body(b"a", more=True)), False, "limit", False),
        (ending(None, start(), body(b"a", more=True), reads=1), False, "client", False),
        (ending(None), False, "limit", False),
        (ending(ResponseCutShort(), start(), body(b"a", more=True)), False, "backend", False),
        (ending(KeyError("a defect"), start()), False, "backend", True),
        (ending(asyncio.CancelledError(), start(), body(b"a", more=True)), False, "limit", True),
        (ending(KeyError("behind the end"), start(), body(b"")), False, None, True),
    ],
)
async def test_who_ended_it_is_told(app: App, gone: bool, broken_by: str | None, raises: bool) -> None:
    record, _, raised = await watched(app, LEFT, gone=gone)
    assert (record.broken_by, raised is not None) == (broken_by, raises)


async def test_what_is_no_request_passes_unwatched() -> None:
    noting, passed = Noting(), list[object]()

    async def app(*given: object) -> None:
        passed.append(given)

    async def nothing(*_given: object) -> Any: ...

    scope = {"type": "lifespan"}
    await Watch(app, [noting])(scope, nothing, nothing)
    assert (passed, noting.told) == ([(scope, nothing, nothing)], [])


def record_with(**facts: Any) -> RequestRecord:
    headers = [(b"x-request-id", b"it")]
    scope = {"path": "/a\n", "client": ("127.0.0.5", 1), "scheme": "http", "headers": headers}
    record = RequestRecord.of(scope | {"method": facts.pop("method", "G\nT")})
    for name, value in ({"status": 200, "sent": 5, "seconds": 0.0123456} | facts).items():
        setattr(record, name, value)
    return record


DOWN = StorageUnavailableException("no\nway")


@pytest.mark.parametrize(
    ("facts", "level", "line", "more"),
    [
        ({}, "INFO", "200, 5 bytes in 12.3 ms, request it", {"status": 200}),
        ({"status": None}, "INFO", "no response, 5 bytes in 12.3 ms, request it", {}),
        (
            {"error": DOWN, "status": 503}, "WARNING", r"503, 5 bytes in 12.3 ms, request it: no\nway",
            {"status": 503, "error": "no\nway", "error_type": "StorageUnavailableException"},
        ),
        (
            {"broken_by": "limit"}, "INFO", "200, 5 bytes in 12.3 ms, request it: broken off by limit",
            {"status": 200, "broken_by": "limit"},
        ),
        (
            {"broken_by": "client", "outcome": "cut short", "error": DOWN}, "WARNING",
            r"200, 5 bytes in 12.3 ms, request it: no\nway; cut short",
            {"status": 200, "broken_by": "client", "error": "no\nway", "error_type": "StorageUnavailableException"},
        ),
        (
            {"first_byte_after": 0.5, "route": "/r", "file_id": "f", "backend": "s3", "received": 9}, "INFO",
            "200, 5 bytes in 12.3 ms, request it",
            {"status": 200, "ttfb_ms": 500.0, "route": "/r", "file_id": "f", "backend": "s3", "received": 9},
        ),
    ],
)  # fmt: skip
def test_a_request_is_one_line(
    caplog: pytest.LogCaptureFixture, facts: dict[str, Any], level: str, line: str, more: dict[str, object]
) -> None:  # fmt: skip
    caplog.set_level(logging.INFO, ACCESS_LOGGER)
    record, log = record_with(**facts), AccessLog()
    log.began(record)
    log.ended(record)
    assert record.has_line
    [written] = caplog.records
    assert (written.levelname, written.getMessage()) == (level, rf"127.0.0.5 G\nT '/a\n' {line}")
    assert written.__dict__["facts"] == {
        "event": "request", "request_id": "it", "client": "127.0.0.5", "method": "G\nT", "path": "/a\n", "sent": 5,
        "received": 0, "ms": 12.346, **more,
    }  # fmt: skip
    assert not written.exc_info
    caplog.set_level(logging.DEBUG, ACCESS_LOGGER)
    log.ended(record)
    assert (caplog.records[-1].exc_info or (None, None))[1] is record.error


def test_lines_that_nobody_wants_are_not_promised(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, ACCESS_LOGGER)
    record = record_with(error=DOWN)
    AccessLog().began(record)
    AccessLog().ended(record)
    assert (record.has_line, caplog.records) == (False, [])


def counted(metrics: Metrics) -> dict[str, float]:
    """All that is not zero, without buckets and times."""
    lines = [line.rpartition(" ") for line in metrics.exposed().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines if float(value) and not re.search(r"_bucket|_created", name)}


@pytest.fixture
def metrics(monkeypatch: pytest.MonkeyPatch) -> Metrics:
    monkeypatch.delenv(SHARED_FOLDER, raising=False)
    return Metrics()


def test_requests_are_counted(metrics: Metrics) -> None:
    served = record_with(method="GET", route="/r", first_byte_after=0.25, seconds=2.0, received=3, backend="s3")
    odd = record_with(status=None, seconds=1.0, sent=0, broken_by="client")
    for record in (served, odd):
        metrics.began(record)
    active = "http_server_active_requests"
    assert counted(metrics) == {f'{active}{{http_request_method="{each}"}}': 1 for each in ("GET", "_OTHER")}
    metrics.ended(served)
    metrics.ended(odd)
    metrics.ended(record_with(method="GET", status=499, seconds=1.0, sent=0, broken_by="client"))
    metrics.ended(record_with(method="GET", status=200, seconds=1.0, sent=0, broken_by="backend"))
    requests, first = "http_server_request_duration_seconds", "s3py_time_to_first_byte_seconds"
    labels = 'http_request_method="{}",http_response_status_code="{}",http_route="{}"'
    expected = {f'{active}{{http_request_method="GET"}}': -2.0}
    for method, status, route, seconds in (
        ("GET", 200, "/r", 2.0), ("_OTHER", "none", "none", 1.0), ("GET", 499, "none", 1.0), ("GET", 200, "none", 1.0),
    ):  # fmt: skip
        told = labels.format(method, status, route)
        expected |= {f"{requests}_count{{{told}}}": 1, f"{requests}_sum{{{told}}}": seconds}
    told = 'http_request_method="GET",http_route="/r"'
    expected |= {f"{first}_count{{{told}}}": 1, f"{first}_sum{{{told}}}": 0.25}
    streamed = 's3py_stream_bytes_total{{backend="s3",direction="{}"}}'
    expected |= {streamed.format("in"): 3, streamed.format("out"): 5}
    aborted = 's3py_aborted_streams_total{{by="{}",direction="{}"}}'
    expected |= {aborted.format("client", "in"): 2, aborted.format("backend", "out"): 1}
    assert counted(metrics) == expected


def test_what_happens_on_backends_is_counted(metrics: Metrics) -> None:
    record = record_with()
    token = current_request.set(record)
    for operation in ("upload", "download", "info"):
        metrics.notify(OperationBegan("s3", operation))
    current_request.reset(token)
    assert record.backend == "s3"
    opened = 's3py_open_streams{{backend="s3",direction="{}"}}'
    assert counted(metrics) == {opened.format("in"): 1, opened.format("out"): 1}
    metrics.notify(OperationBegan("disk", "info"))
    metrics.notify(OperationEnded("s3", "upload", None, 2.0))
    metrics.notify(OperationEnded("s3", "download", "id", 3.0, cancelled=True))
    metrics.notify(OperationEnded("s3", "info", "id", 4.0, error=FileNotFoundException("no")))
    metrics.notify(RequestRetried("s3", "put", 1, 0.5, "why"))
    metrics.notify(PoolWaited("s3", "127.0.0.9:1", 5.0))
    metrics.notify(ConnectionReplaced("s3", "127.0.0.9:1", "reset"))
    operations = "s3py_backend_operation_duration_seconds"
    expected: dict[str, float] = {}
    for operation, outcome, seconds in (("upload", "ok", 2), ("download", "cancelled", 3), ("info", "FileNotFound", 4)):
        labels = f'{{backend="s3",operation="{operation}",outcome="{outcome}"}}'
        expected |= {f"{operations}_count{labels}": 1, f"{operations}_sum{labels}": seconds}
    assert counted(metrics) == expected | {
        's3py_backend_retries_total{backend="s3",operation="put"}': 1,
        's3py_pool_wait_seconds_count{backend="s3"}': 1,
        's3py_pool_wait_seconds_sum{backend="s3"}': 5,
        's3py_backend_events_total{backend="s3",event="ConnectionReplaced"}': 1,
    }


async def test_pools_are_told_of_as_they_are(metrics: Metrics) -> None:
    use = {"s3": PoolUse(3, 9)}
    async with metrics.watching(lambda: use):
        use = {"s3": PoolUse(4, 9)}
        pool = 's3py_pool_connections_{}{{backend="s3"}}'
        assert counted(metrics) == {pool.format("in_use"): 4, pool.format("limit"): 9}
        assert len(asyncio.all_tasks()) == 1
    use = {"s3": PoolUse(5, 9)}
    assert counted(metrics)[pool.format("in_use")] == 4, "nobody is asked any more"


async def test_processes_tell_of_their_pools_again_and_again(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    asked, pauses = list[int](), list[float]()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setenv(SHARED_FOLDER, str(tmp_path))
    monkeypatch.setattr(metrics_module, "sleep", sleep)

    def pools() -> dict[str, PoolUse]:
        asked.append(1)
        return {}

    async with metrics.watching(pools):
        while len(asked) < 3:
            await asyncio.sleep(0)
    assert set(pauses) == {1.0}
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == 1
