"""The files that the table names, behind the service as the table has it set up."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, override

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from s3py_helper.adapters.memory.store import MemoryBlobStore
from s3py_helper.application.delete import DeleteService
from s3py_helper.application.download import DownloadService
from s3py_helper.application.info import InfoService
from s3py_helper.application.listing import ListService
from s3py_helper.application.locator import Locator
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.application.ports.relocation import NothingHasMoved
from s3py_helper.application.upload import UploadService
from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.routing import RoutingPolicy, StorageMode
from s3py_helper.domain.validation import FileValidatorImpl
from s3py_helper.entrypoints.container.fastdfs_links import FastdfsLinksConfig
from s3py_helper.entrypoints.http.fastdfs_links.router import create_fastdfs_links_router
from s3py_helper.entrypoints.http.guard import Guard
from s3py_helper.entrypoints.http.problems.handlers import install_problem_handlers
from s3py_helper.testing import body_of
from tests.integration.old_links.names import Name, made_up
from tests.integration.old_links.row import SECRET, TTL, Setup
from tests.integration.service.running import Services, served

DENY_PAGE: Final = b"\xff\xd8\xff the picture that says no"

_CREATED: Final = datetime(2026, 11, 26, 1, 0, 14, tzinfo=UTC)


def _content(seed: int, size: int = 900) -> bytes:
    return bytes((seed + 7 * at + at // 256) % 251 for at in range(size))


@dataclass(frozen=True, slots=True)
class Files:
    """What the table names.

    Attributes:
        names: Names without the group.
        contents: What is behind them; nothing for those that do not exist.
    """

    names: Mapping[str, Name]
    contents: Mapping[str, bytes]


CONTENTS: Final[Mapping[str, tuple[bytes, str]]] = {
    "file": (_content(1), "047.jpg"),
    "upper": (_content(2), "123.JPG"),
    "m01": (_content(3), "123.png"),
    "appender": (_content(4), "123.txt"),
    "regenerated": (_content(5), "321.txt"),
    "archive": (_content(6), ".tar.gz"),
    "bare": (_content(7), "1234567"),
    "unknown": (_content(8), "123.xyz"),
    "page": (_content(9), "12.html"),
    "script": (_content(10), "1234.js"),
    "film": (_content(15), "123.flv"),
    "empty": (b"", "123.txt"),
    "other": (_content(11), "123.txt"),
    "deleted": (_content(12), "123.jpg"),
    "old_appender": (_content(5), "321.txt"),
}
"""Contents and the ends of names; of a slave the name is its master's."""

SLAVES: Final[Mapping[str, tuple[bytes, str]]] = {
    "slave": (_content(13, 500), "_150x150.jpg"),
    "short_slave": (_content(14, 19), "-big"),
}
"""Contents, and what the ends of their names are."""

CHANGING: Final = frozenset({"slave", "short_slave", "appender"})
"""Files whose time is not in their names."""

GONE: Final = frozenset({"deleted", "old_appender"})

METADATA: Final = b"secret\x02of the application"


def made_up_names() -> dict[str, Name]:
    """Names as servers would give them."""
    names = {
        key: made_up(
            content,
            tail,
            created=_CREATED,
            appender="appender" in key,
            store_path="M01/00/00" if key == "m01" else "M00/00/00",
        )
        for key, (content, tail) in CONTENTS.items()
    }
    for key, (_, tail) in SLAVES.items():
        master = names["file"].rpartition(".")[0]
        names[key] = Name.of(master + tail, datetime.now(UTC))
    return names


class _TwoPlaces(NothingHasMoved):
    """A group that is read from one place first, and then from another one."""

    @override
    async def places(self, file_id: FileId) -> Sequence[FileId]:
        return [FileId(place, file_id.bucket, file_id.key) for place in ("moved", "behind")]


@asynccontextmanager
async def site_in_memory() -> AsyncGenerator[tuple[Services, Files]]:
    """The files, half of them in a store that is asked first, the other half in the one behind it."""
    names = made_up_names()
    contents = {key: content for key, (content, _) in {**CONTENTS, **SLAVES}.items() if key not in GONE}
    async with MemoryBlobStore("moved") as moved, MemoryBlobStore("behind") as behind:
        for number, (key, content) in enumerate(contents.items()):
            store = (moved, behind)[number % 2]
            stored = await _store(store, "group2" if key == "other" else "group1", names[key], content)
            if key in CHANGING:
                names[key] = Name.of(names[key], stored)
        await _store(behind, "group1", f"{names['file']}-m", METADATA)
        places = {"moved": MountedBackend(moved, moved), "behind": MountedBackend(behind, behind)}
        policy = RoutingPolicy(StorageMode.FASTDFS)
        locator = Locator(policy, {Backend.FASTDFS: places["behind"]}, relocation=_TwoPlaces(), places=places)
        services = Services(
            UploadService(locator, FileValidatorImpl()),
            DownloadService(locator),
            DeleteService(locator),
            InfoService(locator),
            ListService(locator),
        )
        yield services, Files(names, contents)


async def _store(store: MemoryBlobStore, group: str, name: str, content: bytes) -> datetime:
    """Keep a file under a name; gives the time that it has been changed at."""
    blob = NewBlob(key=str(name), file_name="uploaded.bin", bucket=group, content_type="text/x-uploaded")
    info = await store.write(blob, body_of(content))
    assert info.last_modified is not None
    return info.last_modified.replace(microsecond=0)


def config_of(setup: Setup, deny_page: Path, *, strict: bool) -> FastdfsLinksConfig:
    """The service set up as nginx was."""
    return FastdfsLinksConfig(
        secret=SECRET if setup in {Setup.TOKEN, Setup.DENY} else None,
        ttl=TTL,
        group_in_path=setup is not Setup.NO_GROUP,
        default_group="group1",
        deny_page=deny_page if setup is Setup.DENY else None,
        strict=strict,
    )


class _Guarded(FastAPI):
    """Looks at the header `Host` as the service does."""

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = Guard(None).refusal(scope) if scope["type"] == "http" else None
        await (super().__call__ if refusal is None else refusal)(scope, receive, send)


@asynccontextmanager
async def service_for(services: Services, setup: Setup, folder: Path, *, strict: bool = False) -> AsyncGenerator[str]:
    """Its address, on the server of `s3py serve`."""
    deny_page = folder / "anti-steal.jpg"
    deny_page.write_bytes(DENY_PAGE)
    app = _Guarded()
    install_problem_handlers(app)
    config = config_of(setup, deny_page, strict=strict)
    app.include_router(create_fastdfs_links_router(lambda: services, config=config))
    async with served(app, http="ours") as url:
        yield url
