"""The contract kit in a project that is not ours: with no configuration of pytest at all."""

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

pytestmark = pytest.mark.slow

WHOLE = """
    import pytest
    import pytest_asyncio

    from s3py_helper.adapters.memory import MemoryBlobStore
    from s3py_helper.testing import BlobStoreContract

    class TestShelf(BlobStoreContract):
        part_size = 1000

        @pytest_asyncio.fixture
        async def store(self):
            async with MemoryBlobStore() as store:
                yield store

        @pytest.fixture
        def unopened_store(self):
            return MemoryBlobStore()

        @pytest.fixture
        def closed_store(self):
            return MemoryBlobStore()

        @pytest.fixture
        def inventory(self, store):
            async def names():
                return [str(file_id) for file_id in store.file_ids]
            return names
"""

FORGETFUL = """
    from s3py_helper.testing import BlobStoreContract

    class TestForgetful(BlobStoreContract):
        pass
"""


def _pytest(folder: Path, source: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_shelf.py").write_text(dedent(source), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={folder}", *arguments]
    return subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True)


def test_a_right_store_passes(tmp_path: Path) -> None:
    done = _pytest(tmp_path, WHOLE, "-W", "error", "-o", "asyncio_default_fixture_loop_scope=function")
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


def test_a_subclass_that_forgets_a_fixture_is_told_which(tmp_path: Path) -> None:
    done = _pytest(tmp_path, FORGETFUL, "-k", "empty_file_opens")
    assert done.returncode == 1
    assert "override the fixture `store`" in done.stdout
