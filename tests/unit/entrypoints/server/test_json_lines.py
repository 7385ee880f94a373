"""Log lines for programs."""

import json
import logging
import sys
from pathlib import Path

import pytest

from s3py_helper.entrypoints.server.json_lines import JsonLines

MOMENT = {"time": "2023-11-14T22:13:20.500Z"}


def record(message: str, *given: object, **more: object) -> logging.LogRecord:
    made = logging.LogRecord("s3py_helper.here", logging.WARNING, "here.py", 1, message, given, None)
    made.created = 1_700_000_000.5
    made.__dict__.update(more)
    return made


@pytest.mark.parametrize(
    ("logged", "line"),
    [
        (record("%s é\n\x1b", "a"), {"message": "a é\n\x1b"}),
        (record("a line", facts={"path": Path("/a"), "status": 200}), {"path": "/a", "status": 200}),
    ],
)
def test_a_line_is_one_object(logged: logging.LogRecord, line: dict[str, object]) -> None:
    text = JsonLines().format(logged)
    assert (text.isascii(), text.isprintable()) == (True, True)
    assert json.loads(text) == {**MOMENT, "level": "warning", "logger": "s3py_helper.here", **line}


def test_a_traceback_stands_in_its_line() -> None:
    try:
        raise KeyError("a defect")
    except KeyError:
        text = JsonLines().format(record("it broke", exc_info=sys.exc_info()))
    line = json.loads(text)
    assert line["message"] == "it broke"
    assert line["exception"].endswith("KeyError: 'a defect'")
