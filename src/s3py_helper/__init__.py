"""One asynchronous Python API over S3 object storage, the FastDFS distributed file system and the local disk.

| import from           | for                                                                                   |
|-----------------------|---------------------------------------------------------------------------------------|
| `s3py_helper.storage` | `StorageManager`, its settings, its services and the exceptions                       |
| `s3py_helper.fastapi` | files in a FastAPI application: endpoints, file responses, errors as problem details  |
| `s3py_helper.testing` | fixtures for tests of an application, and the contract that every backend must pass   |

Every name of `s3py_helper.storage` can be imported from here as well.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from s3py_helper.storage import *  # noqa: F403 - the names are listed there

    __version__: str
    """The installed version."""
else:

    def __getattr__(name: str) -> object:
        if name == "__version__":
            value = import_module("importlib.metadata").version("s3py-helper")
        else:
            storage = import_module("s3py_helper.storage")
            if name != "__all__" and name not in storage.__all__:
                raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
            value = getattr(storage, name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *import_module("s3py_helper.storage").__all__, "__version__"})
