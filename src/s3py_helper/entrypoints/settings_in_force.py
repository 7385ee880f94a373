"""What the settings of a deployment are in the end, and where each comes from."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from s3py_helper.domain.checked_model import model_in_mapping, model_within
from s3py_helper.entrypoints.container.ledger_names import is_postgres, shown_ledger
from s3py_helper.entrypoints.env_file import EnvFile
from s3py_helper.entrypoints.setting_names import DELIMITER, PREFIX
from s3py_helper.entrypoints.settings import ENV_FILE, Settings

HIDDEN: Final = "(hidden)"


@dataclass(frozen=True, slots=True)
class SettingInForce:
    """One setting.

    Attributes:
        variable: Its name in the environment.
        value: Its value as it would be written there; secrets are hidden, `None` where it has none.
        source: `environment`, `.env` or `default`.
    """

    variable: str
    value: str | None
    source: str


def settings_in_force(settings: Settings) -> Iterator[SettingInForce]:
    """Every setting of the groups that are in use."""
    environment = {name.upper(): value for name, value in os.environ.items()}
    in_file = {name.upper() for name in EnvFile.read(Path(ENV_FILE)).names}

    def source_of(variable: str) -> str:
        if any(_stands_for(name, variable) for name, value in environment.items() if value):
            return "environment"
        return ENV_FILE if any(_stands_for(name, variable) for name in in_file) else "default"

    for variable, value in _values(settings, PREFIX):
        yield SettingInForce(variable, value, source_of(variable))


def _stands_for(name: str, variable: str) -> bool:
    # The keys of a mapping may have variables of their own.
    return name == variable or name.startswith(variable + DELIMITER)


def _values(model: BaseModel, prefix: str) -> Iterator[tuple[str, str | None]]:
    for name, field in type(model).model_fields.items():
        variable, value = prefix + name.upper(), cast("object", getattr(model, name))
        if isinstance(value, BaseModel):
            yield from _values(value, variable + DELIMITER)
        elif model_in_mapping(field.annotation) is not None:
            for key, member in cast("Mapping[str, BaseModel]", value).items():
                yield from _values(member, f"{variable}{DELIMITER}{key.upper()}{DELIMITER}")
        elif value is not None or model_within(field.annotation) is None:
            yield variable, _text(value, field)


def _text(value: object, field: FieldInfo) -> str | None:
    if value is None:
        return None
    # What a model keeps out of its own representation may be a secret.
    if isinstance(value, SecretStr) or not field.repr:
        return HIDDEN
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={content}" for key, content in cast("Mapping[str, str]", value).items())
    if isinstance(value, tuple | frozenset | list):
        items = [str(item) for item in cast("tuple[object, ...]", value)]
        return ", ".join(items if isinstance(value, tuple | list) else sorted(items))
    text = str(value)
    return shown_ledger(text) if is_postgres(text) else text
