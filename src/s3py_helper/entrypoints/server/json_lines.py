"""Log lines as JSON objects (https://jsonlines.org), for programs that collect them."""

import json
import logging
from datetime import UTC, datetime
from typing import override


class JsonLines(logging.Formatter):
    """One object on one line: `time` (RFC 3339, UTC), `level`, `logger`, and what the line is about.

    What has facts of its own (`extra={"facts": {...}}`) is written as these, everything else as `message`. JSON escapes
    control characters, and everything but ASCII with them: no name can forge a line or speak to a terminal.
    """

    @override
    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "time": moment.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        facts: dict[str, object] | None = getattr(record, "facts", None)
        line |= {"message": record.getMessage()} if facts is None else facts
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)
