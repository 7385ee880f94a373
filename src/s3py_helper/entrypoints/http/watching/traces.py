"""Spans for OpenTelemetry: one of each request, one of each operation on a backend within it.

https://opentelemetry.io/docs/specs/semconv/http/http-spans/. Ids and keys are what users chose: no span has them.
"""

from time import time_ns
from typing import Final

from opentelemetry import context, propagate, trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from s3py_helper.application.ports.observer import Event, OperationBegan, OperationEnded
from s3py_helper.entrypoints.http.request_record import RequestRecord

_SERVER_ERROR: Final = 500
_SECOND: Final = 1_000_000_000


def is_configured() -> bool:
    """Whether somebody takes spans: a program or agent has set OpenTelemetry's SDK up."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider | trace.NoOpTracerProvider)


class Traces:
    """An observer of backends, and a watcher of requests.

    Args:
        provider: Who takes the spans; by default the process' own.
    """

    def __init__(self, provider: trace.TracerProvider | None = None) -> None:
        self._tracer = trace.get_tracer("s3py_helper", tracer_provider=provider)
        self._spans: dict[RequestRecord, Span] = {}

    # Requests

    def began(self, record: RequestRecord) -> None:
        """Begin the span, as a child of the client's where it names one."""
        carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in record.headers}
        span = self._tracer.start_span(
            record.known_method,
            context=propagate.extract(carrier),
            kind=SpanKind.SERVER,
            attributes={
                "http.request.method": record.known_method,
                "url.scheme": record.scheme,
                "client.address": record.client,
                "s3py.request_id": record.request_id,
            },
        )
        self._spans[record] = span
        # Never detached: the server has a context for each request.
        context.attach(trace.set_span_in_context(span))

    def ended(self, record: RequestRecord) -> None:
        """End the span."""
        span = self._spans.pop(record)
        if record.route is not None:
            span.update_name(f"{record.known_method} {record.route}")
            span.set_attribute("http.route", record.route)
        if record.status is not None:
            span.set_attribute("http.response.status_code", record.status)
        if record.status is None or record.status >= _SERVER_ERROR or record.broken_by == "backend":
            kind = type(record.error).__name__ if record.error else str(record.status or "no response")
            span.set_attribute("error.type", kind)
            span.set_status(Status(StatusCode.ERROR))
        if record.broken_by is not None:
            span.set_attribute("s3py.broken_by", record.broken_by)
        span.end()

    # Backends

    def notify(self, event: Event) -> None:
        """Add a span of an operation that has ended, and an event of what happened meanwhile."""
        match event:
            case OperationBegan():
                """Its span is made when its end tells how long it took."""
            case OperationEnded():
                self._add_operation(event)
            case _:
                reason: str | None = getattr(event, "reason", None)
                facts = {"s3py.backend": event.backend} | ({} if reason is None else {"s3py.reason": reason})
                trace.get_current_span().add_event(type(event).__name__, facts)

    def _add_operation(self, event: OperationEnded) -> None:
        ended = time_ns()
        span = self._tracer.start_span(
            f"{event.backend} {event.operation}",
            kind=SpanKind.CLIENT,
            attributes={"s3py.backend": event.backend, "s3py.operation": event.operation},
            start_time=ended - int(event.seconds * _SECOND),
        )
        if event.size is not None:
            span.set_attribute("s3py.size", event.size)
        if event.cancelled:
            span.set_attribute("s3py.cancelled", True)  # noqa: FBT003 - the value of an attribute
        if event.error is not None:
            span.set_attribute("error.type", type(event.error).__name__)
            span.set_status(Status(StatusCode.ERROR))
        span.end(ended)
