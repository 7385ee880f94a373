"""Metrics for Prometheus, counted from requests and from what the backends' observer is told.

Those of requests are named as OpenTelemetry's are when they are exported to Prometheus ("HTTP metrics" of its semantic
conventions). A label never holds what a client can choose.
"""

import os
from asyncio import create_task, sleep
from collections import Counter as Tally
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.multiprocess import MultiProcessCollector

from s3py_helper.application.ports.observer import (
    Event,
    OperationBegan,
    OperationEnded,
    PoolWaited,
    RequestRetried,
)
from s3py_helper.application.ports.pool_use import PoolUse
from s3py_helper.entrypoints.http.request_record import RequestRecord, current_request

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST

SHARED_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that tells prometheus-client, before it is imported, where processes share what they count."""

_DURATIONS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Seconds: those that the semantic conventions advise for `http.server.request.duration`."""

_NONE: Final = "none"

_DIRECTIONS: Final = {"upload": "in", "download": "out"}
"""Of operations that move the bytes of files."""

_TELLING_SECONDS: Final = 1.0

type AskPools = Callable[[], Mapping[str, PoolUse]]
"""Says how many connections are in use now, by backend."""


class _Children[Metric: MetricWrapperBase](dict[tuple[str, ...], Metric]):
    """A metric by its labels. Its own way to find one takes a lock and more time than counting does."""

    def __init__(self, parent: Metric) -> None:
        super().__init__()
        self._parent = parent

    def __missing__(self, labels: tuple[str, ...]) -> Metric:
        child: Metric = self._parent.labels(*labels)
        self[labels] = child
        return child


class Metrics:
    """An observer of backends, and a watcher of requests.

    Each has a registry of its own: several applications in one process do not count for each other.
    """

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()

        def counter(name: str, text: str, labels: Sequence[str]) -> _Children[Counter]:
            return _Children(Counter(name, text, labels, registry=registry))

        def gauge(name: str, text: str, labels: Sequence[str]) -> _Children[Gauge]:
            return _Children(Gauge(name, text, labels, registry=registry, multiprocess_mode="livesum"))

        def histogram(name: str, text: str, labels: Sequence[str]) -> _Children[Histogram]:
            return _Children(Histogram(name, text, labels, registry=registry, buckets=_DURATIONS))

        route = ("http_request_method", "http_route", "http_response_status_code")
        self._requests = histogram(
            "http_server_request_duration_seconds",
            "Seconds from a request to the end of its response.",
            route,
        )
        self._first_bytes = histogram(
            "s3py_time_to_first_byte_seconds",
            "Seconds from a request to the beginning of its response.",
            ("http_request_method", "http_route"),
        )
        self._active = gauge(
            "http_server_active_requests",
            "Requests that are being served.",
            ("http_request_method",),
        )
        self._bytes = counter("s3py_stream_bytes", "Bytes of bodies, in or out.", ("direction", "backend"))
        self._aborted = counter("s3py_aborted_streams", "Exchanges that ended before their end.", ("direction", "by"))
        self._open = gauge(
            "s3py_open_streams",
            "Uploads and downloads that backends are working on.",
            ("direction", "backend"),
        )
        self._operations = histogram(
            "s3py_backend_operation_duration_seconds",
            "Seconds that operations on backends took; for a download until its reader was done.",
            ("backend", "operation", "outcome"),
        )
        self._retries = counter("s3py_backend_retries", "Requests that were sent again.", ("backend", "operation"))
        self._events = counter(
            "s3py_backend_events",
            "Connections replaced, servers failed over, downloads resumed, fallbacks taken, rollbacks failed.",
            ("backend", "event"),
        )
        self._pool_waits = histogram(
            "s3py_pool_wait_seconds",
            "Seconds for which requests waited for a connection because all were in use.",
            ("backend",),
        )

        self._pool_use = gauge(
            "s3py_pool_connections_in_use",
            "Connections that requests, or readers of responses, hold.",
            ("backend",),
        )
        self._pool_limit = gauge(
            "s3py_pool_connections_limit",
            "Most connections that there may be at once, to the servers that have been talked to.",
            ("backend",),
        )
        self._pools: AskPools = dict
        # What is under way now, which is told when it is asked for: numbers of prometheus-client take far longer.
        self._requests_now: Tally[str] = Tally()
        self._streams_now: Tally[tuple[str, str]] = Tally()

    @asynccontextmanager
    async def watching(self, pools: AskPools) -> AsyncGenerator[None]:
        """Tell of the pools inside the block, and of what is under way: as it is when the metrics are asked for.

        Another process cannot be asked: where there are several, each tells of its own once a second, and not when it
        is asked itself: others would take that request for one that is still being served.
        """
        self._pools = pools
        telling = create_task(self._keep_telling()) if SHARED_FOLDER in os.environ else None
        try:
            yield
        finally:
            self._pools = dict
            if telling is not None:
                telling.cancel()

    async def _keep_telling(self) -> None:
        while True:
            self._tell_of_now()
            await sleep(_TELLING_SECONDS)

    def _tell_of_now(self) -> None:
        for method, count in self._requests_now.items():
            self._active[method,].set(count)
        for labels, count in self._streams_now.items():
            self._open[labels].set(count)
        for backend, use in self._pools().items():
            self._pool_use[backend,].set(use.in_use)
            self._pool_limit[backend,].set(use.limit)

    def exposed(self) -> bytes:
        """All of them as text, over all processes where there are several."""
        if SHARED_FOLDER not in os.environ:
            self._tell_of_now()
            return generate_latest(self._registry)
        collectors = CollectorRegistry()
        MultiProcessCollector(collectors)  # type: ignore[no-untyped-call]  # it has no annotations
        return generate_latest(collectors)

    # Requests

    def began(self, record: RequestRecord) -> None:
        """Count a request that has come."""
        self._requests_now[record.known_method] += 1

    def ended(self, record: RequestRecord) -> None:
        """Count a request that has been served."""
        method, route = record.known_method, record.route or _NONE
        self._requests_now[method] -= 1
        self._requests[method, route, str(record.status or _NONE)].observe(record.seconds)
        if record.first_byte_after is not None:
            self._first_bytes[method, route].observe(record.first_byte_after)
        backend = record.backend or _NONE
        if record.received:
            self._bytes["in", backend].inc(record.received)
        if record.sent:
            self._bytes["out", backend].inc(record.sent)
        if record.broken_by is not None:
            self._aborted["in" if record.status in {None, 408, 499} else "out", record.broken_by].inc()

    # Backends

    def notify(self, event: Event) -> None:
        """Count what happens on backends."""
        match event:
            case OperationBegan():
                if (record := current_request.get()) is not None:
                    record.backend = event.backend
                if direction := _DIRECTIONS.get(event.operation):
                    self._streams_now[direction, event.backend] += 1
            case OperationEnded():
                if direction := _DIRECTIONS.get(event.operation):
                    self._streams_now[direction, event.backend] -= 1
                self._operations[event.backend, event.operation, _outcome(event)].observe(event.seconds)
            case RequestRetried():
                self._retries[event.backend, event.operation].inc()
            case PoolWaited():
                self._pool_waits[event.backend,].observe(event.seconds)
            case _:
                self._events[event.backend, type(event).__name__].inc()


def _outcome(event: OperationEnded) -> str:
    if event.cancelled:
        return "cancelled"
    return "ok" if event.error is None else type(event.error).__name__.removesuffix("Exception")
