"""One selection for each mode: what is not selected is neither imported nor opened."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from types import ModuleType

import pytest

from s3py_helper.adapters.memory.store import MemoryBlobStore
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.domain.errors import FileNotFoundException, InvalidArgumentException
from s3py_helper.domain.file_id import Backend
from s3py_helper.entrypoints.container import container
from s3py_helper.entrypoints.container.config import (
    FastdfsConfig,
    FilesystemConfig,
    FusionConfig,
    KitConfig,
    S3Config,
    StorageMode,
)
from s3py_helper.testing import leak_guard

S3 = S3Config(endpoint="http://127.0.0.1:1", access_key_id="key", secret_access_key="secret")
FASTDFS = FastdfsConfig(tracker_servers=["127.0.0.1:1"])
FILESYSTEM = FilesystemConfig(root="data")


@pytest.fixture
def broken(request: pytest.FixtureRequest) -> str | None:
    """The backend that cannot be opened; none unless a test is parametrized with one."""
    return getattr(request, "param", None)


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch, broken: str | None) -> list[str]:
    """What is opened and closed, in order; every adapter is one in memory."""
    seen: list[str] = []

    def adapter(name: str) -> ModuleType:
        backend = name.split(".")[2]

        @asynccontextmanager
        async def open_backend(_config: object, _observer: object) -> AsyncGenerator[MountedBackend]:
            if backend == broken:
                raise OSError(f"{backend} cannot be opened")
            seen.append(f"open {backend}")
            async with MemoryBlobStore(Backend(backend), "bucket") as store:
                yield MountedBackend(store, store)
            seen.append(f"close {backend}")

        module = ModuleType(name)
        module.__dict__["open_backend"] = open_backend
        return module

    monkeypatch.setattr(container, "import_module", adapter)
    return seen


@pytest.mark.parametrize(
    ("mode", "backends"),
    [
        (StorageMode.S3, ["s3"]),
        (StorageMode.FASTDFS, ["fastdfs"]),
        (StorageMode.HYBRID, ["s3", "fastdfs"]),
        (StorageMode.FILESYSTEM, ["filesystem"]),
    ],
)
async def test_a_mode_opens_and_closes_its_backends_only(
    events: list[str], mode: StorageMode, backends: list[str]
) -> None:
    async with container.open_services(KitConfig(mode, S3, FASTDFS, FILESYSTEM)) as services:
        assert sorted(events) == sorted(f"open {backend}" for backend in backends)
        attach = await services.upload_service.upload_bytes("a.txt", b"x")
        assert await services.download_service.download_bytes(attach.file_id) == b"x"
    assert sorted(events[len(backends) :]) == sorted(f"close {backend}" for backend in backends)


async def test_backends_are_closed_when_the_block_fails(events: list[str]) -> None:
    with pytest.raises(KeyError):
        async with container.open_services(KitConfig(StorageMode.S3, S3)):
            raise KeyError("x")
    assert events == ["open s3", "close s3"]


@pytest.mark.parametrize("broken", ["fastdfs", "s3"], indirect=True)
async def test_a_backend_that_cannot_be_opened_leaves_the_other_closed(events: list[str]) -> None:
    async with leak_guard():
        with pytest.raises(OSError, match="cannot be opened"):
            async with container.open_services(KitConfig(StorageMode.HYBRID, S3, FASTDFS)):
                pytest.fail("half a deployment must not be served")
    assert events in ([], ["open s3", "close s3"], ["open fastdfs", "close fastdfs"])


async def test_two_deployments_in_one_process_share_nothing(events: list[str]) -> None:
    async with (
        container.open_services(KitConfig(StorageMode.S3, S3)) as one,
        container.open_services(KitConfig(StorageMode.S3, S3)) as other,
    ):
        attach = await one.upload_service.upload_bytes("a.txt", b"x")
        assert events == ["open s3", "open s3"]
        with pytest.raises(FileNotFoundException):
            await other.info_service.get_file_info(attach.file_id)


def test_rules_follow_from_the_settings() -> None:
    policy = KitConfig(
        StorageMode.HYBRID,
        S3,
        FASTDFS,
        fusion=FusionConfig(enable_fastdfs_delete=False, enable_fastdfs_download=False),
        buckets=frozenset({"my-bucket"}),
    ).policy
    assert policy.buckets == {"my-bucket"}
    assert policy.deletable is not None
    assert Backend.FASTDFS not in policy.deletable
    assert policy.readable is not None
    assert Backend.FASTDFS not in policy.readable


@pytest.mark.parametrize(
    ("mode", "variable"),
    [
        (StorageMode.S3, "S3PY_S3__ENDPOINT"),
        (StorageMode.FASTDFS, "S3PY_FASTDFS__TRACKER_SERVERS"),
        (StorageMode.FILESYSTEM, "S3PY_FILESYSTEM__ROOT"),
    ],
)
def test_a_missing_setting_is_named(mode: StorageMode, variable: str) -> None:
    with pytest.raises(InvalidArgumentException, match=variable):
        KitConfig(mode)


def test_at_least_one_upload_runs_at_a_time() -> None:
    with pytest.raises(InvalidArgumentException, match="concurrent_files"):
        KitConfig(StorageMode.S3, S3, concurrent_files=0)
