"""`s3py config`."""

import json
from dataclasses import asdict

from s3py_helper.entrypoints.cli.exits import HANDLED, ExitCode, reported
from s3py_helper.entrypoints.cli.output import write_line
from s3py_helper.entrypoints.settings import load_settings
from s3py_helper.entrypoints.settings_in_force import SettingInForce, settings_in_force


def config(*, as_json: bool) -> ExitCode:
    """Write every setting in force and where it comes from; what is missing besides is an error behind them."""
    try:
        settings = load_settings()
        found = list(settings_in_force(settings))
        width = max(len(setting.variable) for setting in found)
        for setting in found:
            write_line(_as_json(setting) if as_json else _line(setting, width))
        settings.kit_config()
    except HANDLED as error:
        return reported(error)
    return ExitCode.OK


def _line(setting: SettingInForce, width: int) -> str:
    return f"{setting.variable:{width}}  {setting.source:11}  {setting.value or ''}".rstrip()


def _as_json(setting: SettingInForce) -> str:
    return json.dumps(asdict(setting), ensure_ascii=False)
