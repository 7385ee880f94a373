"""The names of a store path: which are files, whether they are all, and one scan of a server at a time."""

import zlib
from typing import Any

import pytest

from s3py_helper.adapters.fastdfs.migration_source import FastdfsMigrationSource
from s3py_helper.adapters.fastdfs.protocol.group_listing import GroupServer
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.domain.errors import StorageException, StorageOperationException
from s3py_helper.domain.file_id import Backend
from tests.support.fastdfs.migration_source import session_of
from tests.support.fastdfs.protocol import Command
from tests.support.fastdfs.scripted_channel import ScriptedChannel, reply
from tests.support.fastdfs.scripted_cluster import OTHER, SOURCE, ScriptedCluster, named

pytestmark = pytest.mark.timeout(30)

_HELLO = named(5, zlib.crc32(b"hello"))


class TestListings:
    """Names of a store path, one scan of a server at a time."""

    @staticmethod
    def _listing(*names: bytes, whole: bool = True) -> bytes:
        text = b"".join(b"1800000000 C %b\n" % name for name in names)
        body = text + (len(text).to_bytes(8) if whole else b"")
        return reply(length=1 << 58) + body

    @staticmethod
    async def _listed(source: FastdfsMigrationSource) -> tuple[list[str], bool]:
        async with source.listing("group1", f"{SOURCE}:23000", 1) as listed:
            names = [name async for name in listed]
            assert session_of(source).pool_use().in_use == 0, "it is given back before a slow reader comes to its end"
            return names, listed.complete

    @pytest.fixture(autouse=True)
    def _end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A server closes at the end of a listing."""
        receive = ScriptedChannel.receive

        async def received(channel: ScriptedChannel, size: int) -> bytes:
            return await receive(channel, size) if channel._replies else b""  # noqa: SLF001 - of the script

        monkeypatch.setattr(ScriptedChannel, "receive", received)
        monkeypatch.setattr(ScriptedChannel, "receive_next", received)

    async def test_names_come_sorted_and_without_metadata(
        self, cluster: ScriptedCluster, source: FastdfsMigrationSource
    ) -> None:
        slave = _HELLO.key.removesuffix(".txt").encode() + b"-m"
        cluster.on(SOURCE, Command.LIST_STORE_PATH, self._listing(b"M01/b", b"M01/a-m", b"M01/a", slave, b"M01/gone-m"))
        assert await self._listed(source) == (sorted(["M01/a", "M01/b", slave.decode()]), True)
        assert cluster.asked == [f"list_store_path@{SOURCE}"]
        assert cluster.bodies[-1] == b"group1".ljust(16, b"\0") + b"\1"

    async def test_slaves_whose_names_end_like_those_of_metadata_are_files(
        self, cluster: ScriptedCluster, source: FastdfsMigrationSource
    ) -> None:
        master = b"M01/00/00/f6KUA2sHeOOILQEHAAAAgq-Az6EAAAAAQAAAAAAAAEA279"
        slaves = [master + tail for tail in (b"-m", b"_1-m", b"_abc-m", b"_abc.jpg")]
        others = [master + b"_abc.jpg-m", master + b".txt-m", b"M01/00/00/handmade-m"]
        cluster.on(SOURCE, Command.LIST_STORE_PATH, self._listing(*others, *slaves))
        names, complete = await self._listed(source)
        assert (sorted(names), complete) == (sorted(name.decode() for name in slaves), True)

    async def test_one_that_breaks_off_is_not_whole(
        self, cluster: ScriptedCluster, source: FastdfsMigrationSource
    ) -> None:
        cluster.on(SOURCE, Command.LIST_STORE_PATH, self._listing(b"M01/a", b"M01/b", whole=False))
        names, complete = await self._listed(source)
        assert (names[:1], complete) == (["M01/a"], False)

    async def test_names_that_came_before_a_fault_are_given_before_it_is_raised(
        self, cluster: ScriptedCluster, source: FastdfsMigrationSource
    ) -> None:
        cluster.on(SOURCE, Command.LIST_STORE_PATH, reply(length=1 << 58) + b"1 C M01/a\n" + b"no record\n" + b"x" * 30)
        async with source.listing("group1", f"{SOURCE}:23000", 1) as listed:
            with pytest.raises(StorageOperationException, match="no record of a file"):
                async for _ in listed:
                    pass
            assert not listed.complete

    @pytest.mark.parametrize(
        ("status", "told"),
        [(2, r"listing store path 1 of group1 at .*records are missing .*status 2"), (22, "no such store path"),
         (28, "has no space left")],
    )  # fmt: skip
    async def test_a_refusal_says_what_it_means_here_and_frees_the_server(
        self, cluster: ScriptedCluster, source: FastdfsMigrationSource, status: int, told: str
    ) -> None:
        cluster.on(SOURCE, Command.LIST_STORE_PATH, reply(status=status))
        for _ in range(2):
            with pytest.raises(StorageException, match=told) as refused:
                await self._listed(source)
            assert (refused.value.operation, refused.value.backend) == ("listing", Backend.FASTDFS)

    async def test_a_second_one_waits_for_the_first_and_is_refused_within_it(
        self, cluster: ScriptedCluster, source: FastdfsMigrationSource
    ) -> None:
        cluster.on(SOURCE, Command.LIST_STORE_PATH, self._listing(b"M01/a"))
        cluster.on(OTHER, Command.LIST_STORE_PATH, self._listing(b"M01/b"))
        async with source.listing("group1", f"{SOURCE}:23000", 1) as first:
            with pytest.raises(StorageOperationException, match="must be read or left first"):
                await self._listed(source)
            async with source.listing("group1", f"{OTHER}:23000", 1) as another:
                assert [name async for name in another] == ["M01/b"]
            assert [name async for name in first] == ["M01/a"]
            assert await self._listed(source) == (["M01/a"], True), "it has been read"
        async with source.listing("group1", f"{SOURCE}:23000", 1):
            assert session_of(source).pool_use().in_use == 1
        assert session_of(source).pool_use().in_use == 0
        assert await self._listed(source) == (["M01/a"], True), "it was left"

    async def test_names_beyond_memory_wait_in_a_file_whose_failure_is_told(
        self, cluster: ScriptedCluster, servers: list[GroupServer], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
    ) -> None:
        monkeypatch.setattr("s3py_helper.adapters.fastdfs.name_spool.NameSpool.IN_MEMORY", 2)
        names = [b"M01/%d" % number for number in range(5)]
        cluster.on(SOURCE, Command.LIST_STORE_PATH, self._listing(*names))
        for folder, works in ((tmp_path, True), (tmp_path / "none", False)):
            config = cluster.config(spool_directory=folder)
            async with FastdfsBlobStore(config) as store:
                source = FastdfsMigrationSource(config, store)
                if works:
                    assert await self._listed(source) == ([name.decode() for name in names], True)
                else:
                    with pytest.raises(StorageOperationException, match="the temporary file of a listing failed"):
                        await self._listed(source)
                    assert store.session.pool_use().in_use == 0
