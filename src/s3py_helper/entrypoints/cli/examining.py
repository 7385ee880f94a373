"""`s3py doctor`."""

import asyncio
import json
from typing import Final

from s3py_helper.application.ports.examined import Examined, Verdict
from s3py_helper.application.services import FileServices
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.entrypoints.cli.exits import ExitCode, exit_code
from s3py_helper.entrypoints.cli.front import examine_front
from s3py_helper.entrypoints.cli.hints import advice
from s3py_helper.entrypoints.cli.output import write_line
from s3py_helper.entrypoints.cli.running import run
from s3py_helper.entrypoints.container.config import StorageMode
from s3py_helper.entrypoints.settings import Settings, load_settings
from s3py_helper.entrypoints.settings_in_force import settings_in_force

CONFIGURATION: Final = "settings"

_WIDTH: Final = 54
"""Columns of what was tried: all but a few names fit."""


def examine(url: str | None, *, as_json: bool) -> ExitCode:
    """Write what was found, one thing a line; the code is that of the first thing that fails."""
    try:
        load_settings().kit_config()
    except InvalidArgumentException as error:
        found = Examined(CONFIGURATION, "can be read", Verdict.FAILS, error.message, "docs/configuration.md", error)
        write_line(_as_json(found) if as_json else _lines(found))
        return exit_code(error)

    async def work(services: FileServices, settings: Settings) -> ExitCode:
        codes: list[ExitCode] = []

        def tell(each: Examined) -> None:
            write_line(_as_json(each) if as_json else _lines(each))
            if each.verdict is Verdict.FAILS:
                codes.append(ExitCode.FAILED if each.error is None else exit_code(each.error))

        for each in _of_settings(settings):
            tell(each)
        for each in await services.diagnosis_service.examine():
            tell(each)
        if url is not None:
            for each in await asyncio.to_thread(examine_front, url):
                tell(each)
        return next(iter(codes), ExitCode.OK)

    return run(work)


def _of_settings(settings: Settings) -> list[Examined]:
    sources = [each.source for each in settings_in_force(settings) if each.source != "default"]
    counts = ", ".join(f"{sources.count(source)} from {source}" for source in dict.fromkeys(sources))
    found = [Examined(CONFIGURATION, "can be read", Verdict.WORKS, counts or "all are defaults")]
    if settings.new_files is None and settings.mode is StorageMode.FASTDFS and settings.buckets:
        found.append(
            Examined(CONFIGURATION, "S3PY_BUCKETS", Verdict.WARNING, "FastDFS has no buckets", "use S3PY_GROUPS")
        )
    if settings.s3 is not None and settings.s3.verify_tls is False:
        found.append(
            Examined(
                CONFIGURATION,
                "S3PY_S3__VERIFY_TLS",
                Verdict.WARNING,
                "false accepts every certificate: whoever is on the way can read and change everything",
                "set it to the path of the CA bundle that has signed the server's",
            )
        )
    return found


def _mend_of(each: Examined) -> str:
    return each.mend or (advice(each.error, each.backend) if each.error is not None else "")


def _lines(each: Examined) -> str:
    line = f"{each.verdict:8} {f'{each.backend}: {each.ability}':{_WIDTH}}  {each.says}".rstrip()
    mend = _mend_of(each)
    return f"{line}\n         -> {mend}" if mend else line


def _as_json(each: Examined) -> str:
    facts = {
        "subject": each.backend,
        "ability": each.ability,
        "verdict": each.verdict,
        "says": each.says,
        "mend": _mend_of(each),
    }
    return json.dumps(facts, ensure_ascii=False)
