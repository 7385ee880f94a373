"""The store in an application, and as the service opens it."""

from functools import partial
from pathlib import Path

import pytest

from s3py_helper.backends import Mount
from s3py_helper.storage import InvalidArgumentException, StorageManager
from s3py_helper.testing import leak_guard
from s3py_sqlite import open_backend


async def test_an_application_stores_lists_copies_and_deletes_files(tmp_path: Path) -> None:
    mount = Mount("sqlite", partial(open_backend, path=tmp_path / "files.db"))
    async with leak_guard(), StorageManager(mounts=[mount]) as manager:
        attach = await manager.upload_service.upload_bytes("report.txt", b"hello", folder="reports")
        assert attach.file_id.startswith("sqlite:files/reports/")
        assert await manager.download_service.download_bytes(attach.file_id) == b"hello"
        assert (await manager.info_service.get_file_info(attach.file_id)).file_name == "report.txt"
        copied = await manager.copy_service.copy_file(attach.file_id, folder="copies")
        listed = [info.file_id async for info in manager.list_service.list_files("copies/")]
        assert listed == [copied.file_id]
        await manager.delete_service.delete_file(attach.file_id)
        assert (await manager.health_service.report()).healthy


async def test_the_path_may_be_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SQLITE_STORE_PATH", str(tmp_path / "here.db"))
    async with StorageManager(mounts=[Mount("sqlite", open_backend)]) as manager:
        await manager.upload_service.upload_bytes("a.txt", b"hello")
    assert (tmp_path / "here.db").exists()


async def test_a_path_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SQLITE_STORE_PATH", raising=False)
    with pytest.raises(InvalidArgumentException, match="set SQLITE_STORE_PATH"):
        await StorageManager(mounts=[Mount("sqlite", open_backend)]).__aenter__()
