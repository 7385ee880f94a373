"""Spans of requests and of operations."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from s3py_helper.application.ports.observer import RequestRetried
from s3py_helper.entrypoints.http.watching.traces import Traces, is_configured
from s3py_helper.entrypoints.http.watching.watch import Watch
from s3py_helper.fastapi import create_files_router
from s3py_helper.storage import StorageManager

TRACE, PARENT = "ab" * 16, "cd" * 8


@dataclass(frozen=True)
class Traced:
    client: httpx.AsyncClient
    exporter: InMemorySpanExporter
    traces: Traces

    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self.exporter.get_finished_spans()}


@pytest.fixture
async def traced() -> AsyncIterator[Traced]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    observer = Traces(provider)
    async with StorageManager.in_memory(observer=observer) as manager:
        app = FastAPI()
        app.include_router(create_files_router(lambda: manager))
        transport = httpx.ASGITransport(Watch(app, [observer]))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield Traced(client, exporter, observer)


async def test_an_operation_is_a_child_of_its_request_and_that_of_the_clients_span(traced: Traced) -> None:
    file_id = (await traced.client.post("/files/upload", files={"file": ("a.txt", b"12345")})).json()["file_id"]
    traced.exporter.clear()
    await traced.client.get(f"/files/{file_id}/download", headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
    spans = traced.spans()
    request, operation = spans["GET /files/{file_id}/download"], spans["memory download"]
    assert request.kind is SpanKind.SERVER
    assert request.parent is not None
    assert (f"{request.parent.trace_id:032x}", f"{request.parent.span_id:016x}") == (TRACE, PARENT)
    assert request.attributes is not None
    assert (
        dict(request.attributes).items()
        >= {
            "http.request.method": "GET",
            "http.response.status_code": 200,
            "http.route": "/files/{file_id}/download",
            "s3py.request_id": TRACE,
        }.items()
    )
    assert operation.kind is SpanKind.CLIENT
    assert operation.parent is not None
    assert operation.parent.span_id == request.context.span_id
    assert operation.attributes is not None
    assert dict(operation.attributes) == {"s3py.backend": "memory", "s3py.operation": "download", "s3py.size": 5}
    assert operation.start_time is not None
    assert request.start_time is not None
    assert request.start_time <= operation.start_time + 50_000_000
    assert not any(file_id in str(span.to_json()) for span in spans.values()), "ids are what users chose"


async def test_a_failed_operation_marks_its_span(traced: Traced) -> None:
    await traced.client.get("/files/memory:files/none/info")
    spans = traced.spans()
    assert spans["memory info"].status.status_code is StatusCode.ERROR
    assert spans["memory info"].attributes is not None
    assert spans["memory info"].attributes["error.type"] == "FileNotFoundException"
    # The client's mistake is no error of the service (semantic conventions for HTTP spans, "Status").
    assert spans["GET /files/{file_id}/info"].status.status_code is StatusCode.UNSET


async def test_what_happens_on_the_way_is_an_event_of_the_request(traced: Traced) -> None:
    async def retrying(*_: object) -> bool:
        traced.traces.notify(RequestRetried("s3", "info", 1, 0.1, "too busy"))
        return True

    app = FastAPI()
    app.include_router(create_files_router(lambda: None, authorize=retrying))  # type: ignore[arg-type, return-value]  # never asked
    transport = httpx.ASGITransport(Watch(app, [traced.traces]), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        await client.get("/files/x/info")
    [span] = traced.exporter.get_finished_spans()
    assert [(event.name, dict(event.attributes or {})) for event in span.events] == [
        ("RequestRetried", {"s3py.backend": "s3", "s3py.reason": "too busy"})
    ]
    assert span.status.status_code is StatusCode.ERROR


def test_spans_are_made_only_where_somebody_takes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_configured()
    monkeypatch.setattr(trace, "get_tracer_provider", TracerProvider)
    assert is_configured()
