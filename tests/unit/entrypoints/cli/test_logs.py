"""What commands write to standard error besides results."""

import logging
from collections.abc import Generator

import pytest

from s3py_helper.application.observing import LOGGER_NAME
from s3py_helper.entrypoints.cli.logs import log_to_stderr, log_traceback


@pytest.fixture(autouse=True)
def logger() -> Generator[logging.Logger]:
    logger = logging.getLogger(LOGGER_NAME)
    before = logger.level, logger.propagate, list(logger.handlers)
    yield logger
    logger.level, logger.propagate, logger.handlers[:] = before
    logger.setLevel(before[0])


def _raised() -> Exception:
    try:
        raise KeyError("lost")
    except KeyError as error:
        return error


@pytest.mark.parametrize("verbose", [False, True])
def test_warnings_are_written_once_and_the_rest_only_when_asked_for(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str], *, verbose: bool
) -> None:
    for _ in range(2):
        log_to_stderr(verbose=verbose)
    logger.warning("careful")
    logger.debug("a step")
    log_traceback(_raised())
    written = capsys.readouterr().err
    assert written.count("s3py: warning: careful\n") == 1
    assert ("s3py: debug: a step\n" in written) is verbose
    assert ("KeyError: 'lost'" in written and "Traceback" in written) is verbose
    assert not logger.propagate
