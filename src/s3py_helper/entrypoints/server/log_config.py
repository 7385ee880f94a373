"""Where the lines of the service go."""

import logging
from copy import deepcopy
from typing import Any, override

from uvicorn.config import LOGGING_CONFIG

from s3py_helper.application.observing import LOGGER_NAME


class AlreadyLogged(logging.Filter):
    """Drops uvicorn's line about a response that is not complete.

    One of ours is not when its source has failed, for which there is a line with the reason, or when its client has
    gone, which concerns nobody.
    """

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        return record.msg != "ASGI callable returned without completing response."


def log_config(level: str) -> dict[str, Any]:
    """Uvicorn's configuration with the lines of this package among its own.

    Args:
        level: Least level of the lines that are written; tracebacks of failed requests are written at `debug`.
    """
    config: dict[str, Any] = deepcopy(LOGGING_CONFIG)
    config["filters"] = {"already_logged": {"()": AlreadyLogged}}
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        config["loggers"][name]["level"] = level.upper()
    config["loggers"]["uvicorn.error"]["filters"] = ["already_logged"]
    config["loggers"][LOGGER_NAME] = {"handlers": ["default"], "level": level.upper(), "propagate": False}
    return config
