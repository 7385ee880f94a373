"""One line for each request."""

import logging
from typing import Final

from s3py_helper.application.observing import LOGGER_NAME
from s3py_helper.entrypoints.http.problems.log import on_one_line
from s3py_helper.entrypoints.http.request_record import RequestRecord

ACCESS_LOGGER: Final = f"{LOGGER_NAME}.access"

_log: Final = logging.getLogger(ACCESS_LOGGER)


class AccessLog:
    """Writes the line when the request has ended: a warning where storage failed, with the reason."""

    def began(self, record: RequestRecord) -> None:
        """Promise the line."""
        record.has_line = _log.isEnabledFor(logging.WARNING)

    def ended(self, record: RequestRecord) -> None:
        """Write the line."""
        level = logging.INFO if record.error is None else logging.WARNING
        if not _log.isEnabledFor(level):
            return
        why = [on_one_line(str(record.error))] if record.error is not None else []
        why += [record.outcome] if record.outcome else []
        why += [f"broken off by {record.broken_by}"] if record.broken_by is not None and not record.outcome else []
        _log.log(
            level,
            "%s %s %r %s, %d bytes in %.1f ms, request %s%s",
            record.client,
            on_one_line(record.method),
            record.path,
            record.status or "no response",
            record.sent,
            record.seconds * 1000,
            record.request_id,
            f": {'; '.join(why)}" if why else "",
            exc_info=record.error if _log.isEnabledFor(logging.DEBUG) else None,
            extra={"facts": _facts(record)},
        )


def _facts(record: RequestRecord) -> dict[str, object]:
    error = record.error
    facts: dict[str, object] = {
        "event": "request",
        "request_id": record.request_id,
        "client": record.client,
        "method": record.method,
        "path": record.path,
        "route": record.route,
        "status": record.status,
        "received": record.received,
        "sent": record.sent,
        "ms": _milliseconds(record.seconds),
        "ttfb_ms": _milliseconds(record.first_byte_after),
        "file_id": record.file_id,
        "backend": record.backend,
        "error_type": None if error is None else type(error).__name__,
        "error": None if error is None else str(error),
        "broken_by": record.broken_by,
    }
    return {name: value for name, value in facts.items() if value is not None}


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
