"""What the commands write to standard error besides results: warnings, and with `-v` every step and traceback."""

import logging
import sys
from typing import Final, override

from s3py_helper.application.observing import LOGGER_NAME

_log: Final = logging.getLogger(f"{LOGGER_NAME}.cli")


class _StandardError(logging.Handler):
    """Writes to what standard error is at the moment: while bars are shown, lines go above them."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(f"{self.format(record)}\n")
        except OSError:  # nobody reads it
            self.handleError(record)


def log_to_stderr(*, verbose: bool) -> None:
    """Write warnings; with `verbose` everything."""
    logger = logging.getLogger(LOGGER_NAME)
    logger.setLevel(logging.DEBUG if verbose else logging.WARNING)
    if not any(isinstance(handler, _StandardError) for handler in logger.handlers):
        handler = _StandardError()
        handler.setFormatter(_OneLine("s3py: %(levelname)s: %(message)s"))
        logger.addHandler(handler)
        logger.propagate = False


def log_traceback(error: BaseException) -> None:
    """Where the error, whose message its user has been told, came from; written with `-v` only."""
    _log.debug("traceback of the error above", exc_info=error)


class _OneLine(logging.Formatter):
    @override
    def format(self, record: logging.LogRecord) -> str:
        record.levelname = record.levelname.lower()
        return super().format(record)
