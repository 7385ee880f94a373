"""Names that are imported when they are first used, and names that s3py-helper 0.0.17 had elsewhere."""

import sys
import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def import_on_use(module: str, homes: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a module (PEP 562) that offers each name from the module where it is defined.

    Args:
        module: The module's `__name__`; it gets the names as its `__all__`.
        homes: For each module that defines names, these names with blanks between them.
    """
    home_of = {name: home for home, names in homes.items() for name in names.split()}
    namespace = vars(sys.modules[module])
    namespace["__all__"] = sorted(home_of)

    def get(name: str) -> object:
        if name not in home_of:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        value = namespace[name] = getattr(import_module(home_of[name]), name)
        return value

    return get, lambda: sorted({*namespace, *home_of})


def moved(module: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """`__getattr__` of a module that 0.0.17 let its users import names from: each use warns and names the new home.

    Arguments are those of `import_on_use`. A module that defines nothing itself gets the names as its `__all__`. Values
    are `Any` to type checkers, as everything in 0.0.17 was.
    """
    home_of = {name: home for home, names in homes.items() for name in names.split()}
    namespace = vars(sys.modules[module])
    if all(getattr(value, "__module__", None) != module for value in namespace.values()):
        namespace["__all__"] = sorted(home_of)

    def get(name: str) -> Any:
        if name not in home_of:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        home = home_of[name]
        warnings.warn(f"import {name} from {home}, not from {module}", DeprecationWarning, stacklevel=2)
        return getattr(import_module(home), name)

    return get
