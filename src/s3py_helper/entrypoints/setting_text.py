"""How lists and pairs are written in one variable: `a, b` and `a=1, b=2`, or as JSON."""

import json
from typing import cast, get_origin

from pydantic import BaseModel, BeforeValidator


def as_list(value: object) -> object:
    """The list that a text stands for; anything else unchanged."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        return _json(value)
    return _items(value)


def as_pairs(value: object) -> object:
    """The pairs that a text stands for; anything else unchanged."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("{"):
        return _json(value)
    pairs = [item.partition("=") for item in _items(value)]
    if any(not equals for _, equals, _ in pairs):
        raise ValueError(f"not of the form name=value, name=value: {value}")
    return {name.strip(): content.strip() for name, _, content in pairs}


def group_of(model: type[BaseModel]) -> BeforeValidator:
    """A validator that reads the texts in a group of settings whose fields are lists or pairs."""
    readers = {
        name: as_pairs if get_origin(field.annotation) is dict else as_list
        for name, field in model.model_fields.items()
        if get_origin(field.annotation) in {dict, frozenset, list, set, tuple}
    }

    def member(name: str, value: object) -> object:
        try:
            return readers[name](value) if name in readers else value
        except ValueError as error:
            raise ValueError(f"{name} is {error}") from None

    def read(group: object) -> object:
        if not isinstance(group, dict):
            return group
        members = cast("dict[str, object]", group)
        return {name: member(name, value) for name, value in members.items()}

    return BeforeValidator(read)


def groups_of(model: type[BaseModel]) -> BeforeValidator:
    """A validator that does the same in each of several groups, which have names of the deployment's own."""
    read = group_of(model).func

    def read_each(groups: object) -> object:
        if not isinstance(groups, dict):
            return groups
        return {name: read(group) for name, group in cast("dict[str, object]", groups).items()}  # type: ignore[call-arg]  # it takes one argument

    return BeforeValidator(read_each)


def _items(text: str) -> list[str]:
    return [item for part in text.split(",") if (item := part.strip())]


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not valid JSON: {error}") from None
