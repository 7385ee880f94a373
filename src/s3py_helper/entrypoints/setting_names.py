"""The variables that exist, and those that look as if they were meant to be one of them."""

import re
from collections.abc import Iterable, Iterator
from enum import Enum, auto
from typing import Final, get_origin

from pydantic import BaseModel

from s3py_helper.domain.checked_model import model_in_mapping, model_within
from s3py_helper.domain.settings_model import SettingsModel
from s3py_helper.domain.spelling import unknown_name

PREFIX: Final = "S3PY_"
DELIMITER: Final = "__"
ANY_NAME: Final = "<NAME>"
"""Stands in variables for a name that the deployment chooses."""

_ALIKE: Final = 0.75

_SERVICE_LINK: Final = re.compile(rf"{PREFIX}(?:SERVICE_(?:HOST|PORT(?:_\w+)?)|PORT_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?)")
"""What Kubernetes sets in every pod beside a service that is called `s3py` (Kubernetes, "Accessing the Service")."""


class _Kind(Enum):
    SETTING = auto()
    MAPPING = auto()
    """A setting whose keys may follow, after a delimiter."""
    GROUP = auto()
    """All settings of a group; a value for it is refused when it is read."""
    FORMER = auto()
    """A setting of other versions, which has no effect."""


def misspelt_variables(variables: Iterable[str], model: type[BaseModel]) -> dict[str, str]:
    """Each variable with the prefix, or nearly so, that stands for no setting, and what may have been meant."""
    known = dict(_variables(model, PREFIX))
    settings = [name for name, kind in known.items() if kind in {_Kind.SETTING, _Kind.MAPPING}]
    return {
        name: unknown_name(name, settings, prefix=PREFIX, see="docs/configuration.md")
        for variable in variables
        if _is_misspelt(name := variable.upper(), known)
    }


def _variables(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, _Kind]]:
    for name, field in model.model_fields.items():
        variable = prefix + name.upper()
        if nested := model_in_mapping(field.annotation):
            yield variable, _Kind.GROUP
            yield from _variables(nested, variable + DELIMITER + ANY_NAME + DELIMITER)
        elif nested := model_within(field.annotation):
            yield variable, _Kind.GROUP
            yield from _variables(nested, variable + DELIMITER)
        else:
            yield variable, _Kind.MAPPING if get_origin(field.annotation) is dict else _Kind.SETTING
    if issubclass(model, SettingsModel):
        for name in model.former_settings:
            yield prefix + name.upper(), _Kind.FORMER


def _generalized(name: str) -> str:
    """`S3PY_TOKENS__<NAME>__SHA256` for `S3PY_TOKENS__WEB__SHA256`, where the deployment has chosen `WEB`."""
    front, _, rest = name.partition(DELIMITER)
    chosen, delimiter, member = rest.partition(DELIMITER)
    return f"{front}{DELIMITER}{ANY_NAME}{DELIMITER}{member}" if chosen and delimiter else name


def _is_misspelt(name: str, known: dict[str, _Kind]) -> bool:
    if name.startswith(PREFIX):
        if name in known or _generalized(name) in known:
            return False
        return not _is_key_of_mapping(name, known) and not _SERVICE_LINK.fullmatch(name)
    prefix, _, rest = name.partition("_")
    return PREFIX + rest in known and _resembles_prefix(prefix)


def _is_key_of_mapping(name: str, known: dict[str, _Kind]) -> bool:
    return known.get(name.rpartition(DELIMITER)[0]) is _Kind.MAPPING


def _resembles_prefix(text: str) -> bool:
    """`S3YP`, `SP3Y` or `S3P`, but not `S3`, which other programs use."""
    # Nothing but an error needs it.
    from difflib import SequenceMatcher  # noqa: PLC0415

    return "3" in text and SequenceMatcher(None, text, PREFIX.rstrip("_")).ratio() >= _ALIKE
