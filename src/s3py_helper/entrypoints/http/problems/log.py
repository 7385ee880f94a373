"""What operators are told of failed requests: one line each."""

import logging
from typing import Final

from starlette.types import Scope

from s3py_helper.domain.errors import StorageException
from s3py_helper.entrypoints.http.request_record import record_of

_log: Final = logging.getLogger(__name__)


def log_failure(scope: Scope, error: StorageException, *, outcome: str = "") -> None:
    """Have one line written, with the error's full text, which clients are not told; at DEBUG its traceback follows.

    Where each request has a line of its own anyway, it is in that one.

    Args:
        scope: The request.
        error: Why it failed.
        outcome: What became of the response, where that is not plain.
    """
    record = record_of(scope)
    if record is not None:
        record.error, record.outcome = error, outcome
        if record.has_line:
            return
    _log.warning(
        "%s %r: %s%s",
        scope["method"],
        scope["path"],
        on_one_line(str(error)),
        f" ({outcome})" if outcome else "",
        exc_info=error if _log.isEnabledFor(logging.DEBUG) else None,
    )


def on_one_line(text: str) -> str:
    """The text, escaped where need be: names and the words of servers must not forge lines, nor speak to terminals."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
