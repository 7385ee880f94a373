"""Who watches a deployment."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

from s3py_helper.application.observing import LoggingObserver, SeveralObservers
from s3py_helper.application.ports.observer import Observer
from s3py_helper.application.ports.pool_use import PoolUse
from s3py_helper.entrypoints.http.watching.access_log import AccessLog
from s3py_helper.entrypoints.http.watching.watch import Watcher

if TYPE_CHECKING:
    from s3py_helper.entrypoints.http.watching.metrics import Metrics


class _Both(Watcher, Observer, Protocol):
    """Watches requests and backends."""


class Watchers:
    """Those of one application.

    They are the log, metrics where prometheus-client is installed, and spans where OpenTelemetry is set up.

    Args:
        metrics: Whether there shall be metrics.

    Attributes:
        of_requests: Told of requests.
        of_backends: Told of what happens on backends.
        metrics: The metrics, where there are any.
    """

    def __init__(self, *, metrics: bool) -> None:
        both: list[_Both] = []
        self.metrics: Metrics | None = None
        # Imported here: the packages are optional.
        if metrics and find_spec("prometheus_client"):
            from s3py_helper.entrypoints.http.watching import metrics as prometheus  # noqa: PLC0415 - see above

            self.metrics = prometheus.Metrics()
            both.append(self.metrics)
        if find_spec("opentelemetry"):
            from s3py_helper.entrypoints.http.watching.traces import Traces, is_configured  # noqa: PLC0415 - see above

            if is_configured():
                both.append(Traces())
        self.of_requests: list[Watcher] = [*both, AccessLog()]
        self.of_backends: Observer = SeveralObservers([LoggingObserver(), *both]) if both else LoggingObserver()

    def watching(self, pools: Callable[[], Mapping[str, PoolUse]]) -> AbstractAsyncContextManager[None]:
        """A block in which metrics tell of these pools of connections, where there are metrics."""
        return nullcontext() if self.metrics is None else self.metrics.watching(pools)
