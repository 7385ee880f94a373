"""Where the lines of the service go."""

import logging
from copy import deepcopy
from typing import Any, override

from uvicorn.config import LOGGING_CONFIG

from s3py_helper.application.observing import LOGGER_NAME
from s3py_helper.entrypoints.http.watching.access_log import ACCESS_LOGGER
from s3py_helper.entrypoints.server.json_lines import JsonLines


class AlreadyLogged(logging.Filter):
    """Drops uvicorn's line about a response that is not complete.

    One of ours is not when its source has failed, for which there is a line with the reason, or when its client has
    gone, which concerns nobody.
    """

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        return record.msg != "ASGI callable returned without completing response."


def log_config(level: str, *, access_log: bool = True, as_json: bool = False) -> dict[str, Any]:
    """Uvicorn's configuration with the lines of this package among its own.

    Args:
        level: Least level of the lines that are written; tracebacks of failed requests are written at `debug`.
        access_log: Whether each request has a line, on standard output as uvicorn's; else only those that failed have.
        as_json: Whether lines are JSON objects.
    """
    config: dict[str, Any] = deepcopy(LOGGING_CONFIG)
    config["filters"] = {"already_logged": {"()": AlreadyLogged}}
    config["handlers"]["requests"] = config["handlers"]["default"] | {"stream": "ext://sys.stdout"}
    if as_json:
        config["formatters"] = {name: {"()": JsonLines} for name in config["formatters"]}
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        config["loggers"][name]["level"] = level.upper()
    config["loggers"]["uvicorn.error"]["filters"] = ["already_logged"]
    config["loggers"][LOGGER_NAME] = {"handlers": ["default"], "level": level.upper(), "propagate": False}
    config["loggers"][ACCESS_LOGGER] = {
        "handlers": ["requests"],
        "level": level.upper() if access_log else "CRITICAL",
        "propagate": False,
    }
    return config
