"""Every argument of a manager reaches the deployment that it opens, and a manager is open or it is not."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Never

import pytest

from s3py_helper.application.service_links import ServiceLinks
from s3py_helper.application.services import FileServices
from s3py_helper.backends import Mount, Observer
from s3py_helper.domain.signed_link import LinkKey, LinkKeys
from s3py_helper.entrypoints.container import container
from s3py_helper.entrypoints.container.config import KitConfig
from s3py_helper.entrypoints.container.fastdfs_links import FastdfsLinksConfig
from s3py_helper.storage import (
    FastdfsConfig,
    FilesystemConfig,
    FileTooLargeException,
    FileTypeConfig,
    FileValidatorImpl,
    FusionConfig,
    InvalidArgumentException,
    InvalidFileTypeException,
    MigrationConfig,
    S3Config,
    StorageManager,
    StorageMode,
    StorageModeConfig,
    StorageOperationException,
)
from tests.support.recorder import Recorder

S3 = S3Config(endpoint="http://127.0.0.1:1", access_key_id="a", secret_access_key="b")
FASTDFS = FastdfsConfig(tracker_servers=["127.0.0.1:1"])


def never(_observer: Observer) -> Never:
    raise AssertionError


SHELF = Mount("shelf", never)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[KitConfig]:
    """The deployments that were opened: instead of opening them."""
    configs: list[KitConfig] = []

    @asynccontextmanager
    async def open_services(config: KitConfig) -> AsyncGenerator[None]:
        configs.append(config)
        yield None

    monkeypatch.setattr(container, "open_services", open_services)
    return configs


async def config_of(opened: list[KitConfig], *args: Any, **arguments: Any) -> KitConfig:
    async with StorageManager(*args, **arguments):
        return opened.pop()


async def test_every_argument_reaches_the_deployment(opened: list[KitConfig], tmp_path: Path) -> None:
    validator, observer, migration = FileValidatorImpl(), Recorder(), MigrationConfig(prefix="old/")
    fusion, disk = FusionConfig(enable_fastdfs_delete=False), FilesystemConfig(root=tmp_path)
    signed, old = ServiceLinks(LinkKeys([LinkKey("first", "k" * 32)])), FastdfsLinksConfig(strict=True)
    config = await config_of(
        opened,
        StorageModeConfig(mode=StorageMode.S3),
        S3,
        FASTDFS,
        filesystem_config=disk,
        fusion_config=fusion,
        validator=validator,
        buckets=["one-bucket", "one-bucket"],
        groups=("group1",),
        folders={"in"},
        concurrent_files=3,
        observer=observer,
        migration_config=migration,
        service_links=signed,
        fastdfs_links_config=old,
        mounts=iter([SHELF]),
        new_files="shelf",
    )
    assert config == KitConfig(
        mode=StorageMode.S3,
        s3=S3,
        fastdfs=FASTDFS,
        filesystem=disk,
        fusion=fusion,
        validator=validator,
        buckets=frozenset({"one-bucket"}),
        groups=frozenset({"group1"}),
        folders=frozenset({"in"}),
        concurrent_files=3,
        observer=observer,
        migration=migration,
        service_links=signed,
        fastdfs_links=old,
        mounts=(SHELF,),
        new_files="shelf",
    )
    assert config.validator is validator


async def test_without_arguments_everything_is_as_usual(opened: list[KitConfig]) -> None:
    config = await config_of(opened, None, S3, FASTDFS)
    usual = KitConfig(StorageMode.HYBRID, S3, FASTDFS)
    assert config == replace(usual, validator=config.validator, observer=config.observer)
    assert type(config.observer) is type(usual.observer)
    assert config.validator.max_file_size == usual.validator.max_file_size


@pytest.mark.parametrize(
    ("backends", "mode"),
    [
        ({}, StorageMode.MOUNTED),
        ({"s3_config": S3, "fastdfs_config": FASTDFS}, StorageMode.HYBRID),
    ],
)
async def test_a_manager_of_nothing_but_mounts_has_the_mode_for_that(
    opened: list[KitConfig], backends: dict[str, Any], mode: StorageMode
) -> None:
    assert (await config_of(opened, mounts=[SHELF], **backends)).mode is mode


@pytest.mark.parametrize("alone", ["s3_config", "fastdfs_config", "filesystem_config"])
def test_a_backend_beside_mounts_is_not_passed_over(tmp_path: Path, alone: str) -> None:
    given = {"s3_config": S3, "fastdfs_config": FASTDFS, "filesystem_config": FilesystemConfig(root=tmp_path)}
    with pytest.raises(InvalidArgumentException, match="mode 'hybrid' needs the setting"):
        StorageManager(mounts=[SHELF], **{alone: given[alone]})  # type: ignore[arg-type]  # each its own


@pytest.mark.parametrize("what", ["buckets", "groups", "folders"])
def test_a_text_is_no_collection_of_texts(what: str) -> None:
    for wrong in ("one-bucket", [b"one-bucket"], 5):
        with pytest.raises(InvalidArgumentException, match=what):
            StorageManager(None, S3, FASTDFS, **{what: wrong})  # type: ignore[arg-type]  # that is the point


async def test_rules_and_observer_of_a_manager_in_memory_are_its_callers() -> None:
    seen = Recorder()
    validator = FileValidatorImpl(FileTypeConfig(blacklist=["exe"]), max_file_size=3)
    async with StorageManager.in_memory(validator=validator, observer=seen) as manager:
        with pytest.raises(InvalidFileTypeException):
            await manager.upload_service.upload_bytes("a.exe", b"x")
        with pytest.raises(FileTooLargeException):
            await manager.upload_service.upload_bytes("a.txt", b"1234")
        assert seen.events == []
        await manager.upload_service.upload_bytes("a.txt", b"123")
    assert len(seen.events) == 2


SERVICES = ("upload", "download", "delete", "info", "copy", "link", "list", "health")


async def test_services_are_those_of_the_open_manager_and_of_no_other() -> None:
    manager = StorageManager.in_memory()
    for _ in range(2):
        with pytest.raises(StorageOperationException, match="is not open"):
            _ = manager.services
        async with manager:
            services = manager.services
            assert isinstance(services, FileServices)
            for name in SERVICES:
                assert getattr(manager, f"{name}_service") is getattr(services, f"{name}_service")
            with pytest.raises(InvalidArgumentException, match="takes part in no migration"):
                _ = manager.migration
            with pytest.raises(StorageOperationException, match="is open already"):
                await manager.__aenter__()
            assert manager.services is services, "as before"
    for name in SERVICES:
        with pytest.raises(StorageOperationException, match="is not open"):
            getattr(manager, f"{name}_service")
    with pytest.raises(StorageOperationException, match="is not open"):
        _ = manager.migration
    await manager.__aexit__(None, None, None)


async def test_an_error_inside_the_block_reaches_what_was_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[BaseException] = []

    @asynccontextmanager
    async def open_services(_config: KitConfig) -> AsyncGenerator[None]:
        try:
            yield None
        except ValueError as error:
            seen.append(error)
            raise

    monkeypatch.setattr(container, "open_services", open_services)
    with pytest.raises(ValueError, match="the caller's own"):
        async with StorageManager.in_memory():
            raise ValueError("the caller's own")
    assert len(seen) == 1
