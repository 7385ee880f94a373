"""Models that deployments fill in: a misspelt setting is refused, and does not leave its default in force."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pydantic import ConfigDict, model_validator

from s3py_helper.domain.checked_model import CheckedModel

_log: Final = logging.getLogger("s3py_helper.settings")


if TYPE_CHECKING:
    type PathSetting = str | Path
else:
    PathSetting = Path
"""A path that may be given as text, and is always kept as a `Path`. Type checkers know a field by one type only."""


class SettingsModel(CheckedModel):
    """A group of settings that refuses names it does not know.

    Attributes:
        former_settings: Names that other versions know, with what became of them. They are accepted, so that one
            configuration serves several versions, have no effect, and are reported to the log `s3py_helper.settings`.
    """

    model_config = ConfigDict(extra="forbid")

    former_settings: ClassVar[Mapping[str, str]] = {}

    @model_validator(mode="before")
    @classmethod
    def _set_former_ones_aside(cls, values: Any) -> Any:
        if not isinstance(values, dict) or cls.former_settings.keys().isdisjoint(values):
            return values
        for name in cls.former_settings.keys() & values.keys():
            _log.warning("%s.%s has no effect: %s", cls.__name__, name, cls.former_settings[name])
        return {name: value for name, value in values.items() if name not in cls.former_settings}
