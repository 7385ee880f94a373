"""What operators are told of failed requests: one line each."""

import logging
from typing import Final

from starlette.types import Scope

from s3py_helper.domain.errors import StorageException

_log: Final = logging.getLogger(__name__)


def log_failure(scope: Scope, error: StorageException, *, outcome: str = "") -> None:
    """Write one line, with the error's full text, which clients are not told; at the level DEBUG its traceback follows.

    Args:
        scope: The request.
        error: Why it failed.
        outcome: What became of the response, where that is not plain.
    """
    _log.warning(
        "%s %r: %s%s",
        scope["method"],
        scope["path"],
        _on_one_line(str(error)),
        f" ({outcome})" if outcome else "",
        exc_info=error if _log.isEnabledFor(logging.DEBUG) else None,
    )


def _on_one_line(text: str) -> str:
    # File names and the words of servers are in it: they must not forge lines, nor speak to terminals.
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
