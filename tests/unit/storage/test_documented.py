"""What an IDE shows of the public names is complete: parameters, errors, fields."""

import ast
import dataclasses
import inspect
import re
import textwrap
from collections.abc import Iterator
from itertools import pairwise

import pytest
from pydantic import BaseModel

from s3py_helper import storage
from s3py_helper.storage import fastdfs, fusion, s3raw

PACKAGES = (storage, s3raw, fastdfs, fusion)
SELF_EXPLANATORY = {"file_id", "file_name"}
"""Parameters that need no line of their own where nothing else is to be said."""


def _public() -> dict[str, object]:
    return {name: getattr(package, name) for package in PACKAGES for name in package.__all__}


def _classes() -> list[type]:
    return [value for value in _public().values() if inspect.isclass(value)]


def _services() -> list[type]:
    """The classes whose methods do something."""
    return [kind for kind in _classes() if kind.__name__.endswith(("Service", "ServiceImpl", "Client", "UploadImpl"))]


def _methods() -> Iterator[tuple[str, object]]:
    for kind in _services():
        if getattr(kind, "_is_protocol", False):
            continue
        for name, method in inspect.getmembers(kind, inspect.isroutine):
            if not name.startswith("_"):
                yield f"{kind.__name__}.{name}", method


def _sections(documented: str) -> dict[str, str]:
    """What stands below `Args:`, `Returns:` and `Raises:`."""
    pieces = re.split(r"^(Args|Attributes|Returns|Raises):\n", inspect.cleandoc(documented), flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


METHODS = dict(_methods())


def test_methods_are_found() -> None:
    assert len(METHODS) > 50


@pytest.mark.parametrize("name", sorted(METHODS))
def test_a_method_names_its_parameters_and_errors(name: str) -> None:
    method = METHODS[name]
    documented = inspect.getdoc(method) or ""
    if "Deprecated" in documented or name in {"S3Client.locator", "FastdfsClient.locator"}:
        return
    sections = _sections(documented)
    parameters = [each for each in inspect.signature(method).parameters if each != "self"]  # type: ignore[arg-type]  # methods
    described = sections.get("Args", "")
    prose = documented.partition("Args:")[0]
    missing = [each for each in parameters if f"{each}:" not in described and f"`{each}`" not in prose]
    if set(missing) - SELF_EXPLANATORY or (described and missing):
        pytest.fail(f"{name} does not say what {', '.join(missing)} is")
    if name not in {"HealthService.report", "HealthService.pool_use"}:
        assert "Exception:" in sections.get("Raises", ""), f"{name} does not say what it raises"


@pytest.mark.parametrize("kind", _classes(), ids=lambda kind: kind.__name__)
def test_a_class_is_documented(kind: type) -> None:
    assert kind.__doc__
    assert not kind.__doc__.startswith(f"{kind.__name__}(")  # what dataclasses put there themselves


MODELS = [kind for kind in _classes() if issubclass(kind, BaseModel)]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_field_of_a_model_is_described(model: type[BaseModel]) -> None:
    """In the schema, from where OpenAPI has it as well."""
    schema = model.model_json_schema()
    assert [name for name, field in schema["properties"].items() if not field.get("description")] == []
    assert schema["description"]


VALUES = [kind for kind in _classes() if dataclasses.is_dataclass(kind)]


@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__name__)
def test_every_field_of_a_value_is_described(kind: type) -> None:
    documented = kind.__doc__ or ""
    described = _sections(documented).get("Attributes", "")
    names = [field.name for field in dataclasses.fields(kind)]
    assert [name for name in names if f"{name}:" not in described and f"`{name}`" not in documented] == []


def test_aliases_of_types_have_a_word_too() -> None:
    for name, value in _public().items():
        if type(value).__name__ != "TypeAliasType":
            continue
        module = inspect.getmodule(value)
        assert module is not None
        body = ast.parse(textwrap.dedent(inspect.getsource(module))).body
        after = next(
            following for node, following in pairwise(body) if isinstance(node, ast.TypeAlias) and node.name.id == name
        )
        assert isinstance(after, ast.Expr), f"{name} has no docstring"
