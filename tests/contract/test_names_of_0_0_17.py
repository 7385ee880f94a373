"""Everything that s3py-helper 0.0.17 let its users import is there, and is called as it was."""

import inspect
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from pydantic import BaseModel

from s3py_helper.storage import S3PerfConfig

FACTS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("names-0.0.17.toml").read_text(encoding="utf-8"))
MODULES = {module: names.split() for module, names in FACTS["modules"].items()}
GUIDE = (Path(__file__).parents[2] / "docs" / "coming-from-0.0.17.md").read_text(encoding="utf-8")

OLD_HOMES = {
    "config.models",
    "exceptions.storage_exceptions",
    "fastdfs.service.protocols",
    "fusion.service.protocols",
    "model.entities",
    "s3raw.model",
    "s3raw.s3multipart",
    "s3raw.s3multipart.models",
    "s3raw.s3multipart.protocol",
    "s3raw.s3multipart.service",
    "s3raw.service.protocols",
    "utils.file_utils",
    "validator.file_validator",
}
"""Modules below `s3py_helper.storage` that have nothing of their own any more."""

NOT_KEPT = {"FastdfsClient.inner", "S3PerfConfig.zip_stream_queue_size"}
NOT_A_COROUTINE = {"download_to_generator"}
"""0.0.17's protocols declared it as one; its services gave a generator, as they do now."""


def value_of(name: str) -> Any:
    module = next(module for module, names in MODULES.items() if name in names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return getattr(import_module(module), name)


@pytest.mark.parametrize("module", MODULES)
def test_every_name_is_imported_from_where_it_was(module: str) -> None:
    for name in MODULES[module]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            value = getattr(import_module(module), name)
        assert value is value_of(name)
        said = [str(warning.message) for warning in caught if warning.category is DeprecationWarning]
        assert len(said) == len(caught)
        if module.removeprefix("s3py_helper.storage.") in OLD_HOMES:
            assert said
        for text in said:  # the home that it names is the right one, and gives no further warning
            _, _, home = text.partition(f"import {name} from ")
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                assert getattr(import_module(home.partition(",")[0]), name) is value


def test_a_warning_points_to_the_import(tmp_path: Path) -> None:
    importing = tmp_path / "importing.py"
    importing.write_text("\nfrom s3py_helper.storage.exceptions.storage_exceptions import StorageException\n")
    done = subprocess.run(
        [sys.executable, "-W", "always", importing], check=True, capture_output=True, text=True, timeout=60
    )
    assert f"{importing}:2: DeprecationWarning: import StorageException from s3py_helper.storage, not" in done.stderr


@pytest.mark.parametrize("module", sorted(OLD_HOMES))
def test_an_old_home_can_be_imported_whole(module: str) -> None:
    namespace: dict[str, object] = {}
    with pytest.warns(DeprecationWarning, match=f"not from s3py_helper.storage.{module}"):
        exec(f"from s3py_helper.storage.{module} import *", namespace)
    assert set(MODULES[f"s3py_helper.storage.{module}"]) == {name for name in namespace if not name.startswith("__")}
    with pytest.raises(AttributeError, match="no attribute 'Missing'"):
        _ = import_module(f"s3py_helper.storage.{module}").Missing


def _callables() -> Iterator[tuple[str, str]]:
    for name, told in FACTS["functions"].items():
        yield name, f"call: {told}"
    for owner, members in FACTS["classes"].items():
        for member, told in members.items():
            if f"{owner}.{member}" not in NOT_KEPT:
                yield f"{owner}.{member}", told


@pytest.mark.parametrize(("name", "told"), list(_callables()))
def test_it_is_called_as_it_was(name: str, told: str) -> None:
    owner, _, member = name.partition(".")
    value = value_of(owner)
    if told == "property":
        assert isinstance(inspect.getattr_static(value, member), property)
        return
    if member == "new":
        _check_parameters(inspect.signature(value), told.split())
        return
    if not member:
        _check_parameters(inspect.signature(value), told.partition(":")[2].split())
        return
    kind, _, parameters = told.partition(":")
    static = isinstance(inspect.getattr_static(value, member), staticmethod)
    called = getattr(value, member)
    signature = inspect.signature(called)
    if not static:
        signature = signature.replace(parameters=list(signature.parameters.values())[1:])
    _check_parameters(signature, parameters.split())
    _check_kind("asyncgen" if member in NOT_A_COROUTINE else kind, called)


def _check_parameters(signature: inspect.Signature, told: list[str]) -> None:
    """The old parameters come first, by position or name; what has become new may be left out."""
    ours = list(signature.parameters.values())
    assert [parameter.name for parameter in ours[: len(told)]] == [name.rstrip("?") for name in told]
    for parameter, name in zip(ours, told, strict=False):
        assert parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        if name.endswith("?"):
            assert parameter.default is not inspect.Parameter.empty
    for parameter in ours[len(told) :]:
        assert parameter.default is not inspect.Parameter.empty or parameter.kind in {
            inspect.Parameter.VAR_KEYWORD,
            inspect.Parameter.VAR_POSITIONAL,
        }


def _check_kind(kind: str, called: Callable[..., object]) -> None:
    returned = str(get_type_hints(called, localns={"asyncio": import_module("asyncio")})["return"])
    is_generator = inspect.isasyncgenfunction(called) or returned.startswith("collections.abc.AsyncGenerator")
    match kind:
        case "async":
            assert inspect.iscoroutinefunction(called)
        case "asyncgen":
            assert is_generator or returned.startswith("collections.abc.AsyncIterator")
        case _:
            assert not inspect.iscoroutinefunction(called)
            assert not is_generator


@pytest.mark.parametrize(("name", "told"), list(FACTS["models"].items()))
def test_a_model_has_the_fields_it_had(name: str, told: str) -> None:
    model = value_of(name)
    assert issubclass(model, BaseModel)
    for field in told.split():
        if f"{name}.{field.rstrip('?')}" in NOT_KEPT:
            continue
        assert field.rstrip("?") in model.model_fields
        if field.endswith("?"):
            assert not model.model_fields[field.rstrip("?")].is_required()


def test_parts_are_read_and_written_as_s3_writes_them() -> None:
    part = value_of("CompletedPart")
    assert part(PartNumber=1, ETag="e") == part(part_number=1, e_tag="e")
    assert part(part_number=1, e_tag="e").model_dump(by_alias=True) == {"PartNumber": 1, "ETag": "e"}
    assert value_of("InitiateResult")(uploadId="u", bucket="b", key="k").upload_id == "u"


@pytest.mark.parametrize(("name", "told"), list(FACTS["enumerations"].items()))
def test_an_enumeration_has_the_members_it_had(name: str, told: dict[str, str]) -> None:
    enumeration = value_of(name)
    for member, value in told.items():
        assert enumeration(value) is enumeration[member]
        assert enumeration[member] == value


@pytest.mark.parametrize(("name", "told"), list(FACTS["constants"].items()))
def test_a_constant_has_the_value_it_had(name: str, told: str) -> None:
    assert value_of(name) == told


def test_what_is_not_kept_is_listed_in_the_guide() -> None:
    assert {name for name in NOT_KEPT if f"`{name}`" not in GUIDE} == set()


def test_a_setting_without_effect_is_accepted() -> None:
    assert not hasattr(S3PerfConfig.model_validate({"zip_stream_queue_size": 16}), "zip_stream_queue_size")
