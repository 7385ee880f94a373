"""Whatever a public function takes or returns can be imported from a public module."""

import inspect
import typing
from collections.abc import Iterator
from types import ModuleType

import pytest

import s3py_helper.fastapi
from s3py_helper import backends, storage
from s3py_helper.storage import fastdfs, fusion, s3raw

MODULES = (storage, s3raw, fastdfs, fusion, s3py_helper.fastapi, backends)

INSIDE = {
    "FastdfsLinkRules": "the container makes it of FastdfsLinksConfig",
    "KitConfig": "the service makes it of its settings",
    "Locator": "services are made by managers and clients, which bring it along",
    "MigrationSource": "only FastDFS is left so far; nobody else is to implement it yet",
    "MigrationTarget": "only S3 is moved to so far; nobody else is to implement it yet",
    "Signatures": "the container makes them where the rules of types ask for them",
    "Source": "what a plan is made of is its own business",
    "ZipOptions": "as above",
}
"""Types of the kit's inside that show in signatures."""


def _public() -> dict[str, object]:
    return {name: getattr(module, name) for module in MODULES for name in module.__all__}


def _signatures(module: ModuleType) -> Iterator[tuple[str, object]]:
    for name in module.__all__:
        value = getattr(module, name)
        if not inspect.isclass(value):
            if callable(value):
                yield name, value
            continue
        yield name, value
        for member, found in inspect.getmembers(value):
            method = found.fget if isinstance(found, property) else found
            if inspect.isroutine(method) and (member == "__init__" or not member.startswith("_")):
                yield f"{name}.{member}", method


def _named_in(annotation: object, public: set[int]) -> Iterator[object]:
    """The classes and aliases of an annotation; a public alias stands for all that it is made of."""
    if isinstance(annotation, list):
        for each in annotation:
            yield from _named_in(each, public)
    elif isinstance(annotation, typing.TypeAliasType):
        yield annotation
        if id(annotation) not in public:
            yield from _named_in(annotation.__value__, public)
    else:
        yield typing.get_origin(annotation) or annotation
        for each in typing.get_args(annotation):
            yield from _named_in(each, public)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_type_in_a_public_signature_is_public(module: ModuleType) -> None:
    public = {id(value) for value in _public().values()}
    hidden = set()
    for where, what in _signatures(module):
        try:
            hints = typing.get_type_hints(what)
        except (NameError, TypeError):  # not ours: inherited from pydantic, or written in C
            continue
        for parameter, annotation in hints.items():
            for kind in _named_in(annotation, public):
                name = getattr(kind, "__name__", "_")
                ours = str(getattr(kind, "__module__", "")).startswith("s3py_helper")
                if ours and id(kind) not in public and not name.startswith("_") and name not in INSIDE:
                    hidden.add(f"{name} in {where}: {parameter}")
    assert hidden == set()


def test_no_exception_is_made_in_vain() -> None:
    assert set(INSIDE).isdisjoint(_public())
