"""The FastDFS of the test run can lose a storage and get it back."""

import asyncio

from tests.support.fastdfs.protocol import GROUP_FIELD, LONG_ADDRESS, SHORT_ADDRESS, Command
from tests.support.fastdfs.raw import raw_connection
from tests.support.fastdfs.samples import CONTENT, GROUP, accepted, address_in, download, storage_for_upload, upload
from tests.support.fastdfs.site import FastdfsSite

ONE = {GROUP_FIELD + size + 8 + 1 for size in (SHORT_ADDRESS, LONG_ADDRESS)}
TWO = {GROUP_FIELD + 2 * (size + 8) + 1 for size in (SHORT_ADDRESS, LONG_ADDRESS)}


async def test_a_storage_is_stopped_and_started_again(fastdfs_site: FastdfsSite) -> None:
    tracker = fastdfs_site.trackers[0]
    await asyncio.to_thread(fastdfs_site.stop_storage, "group1", 0)
    try:
        assert await length_of_offer(tracker) in ONE
        storage = await storage_for_upload(tracker)
        name = await upload(storage)
    finally:
        await asyncio.to_thread(fastdfs_site.start_storage, "group1", 0)

    assert await length_of_offer(tracker) in TWO
    async with raw_connection(tracker) as connection:
        source = address_in(accepted(await connection.ask(Command.UPDATE, GROUP + name)).body)
    assert source == storage
    assert await download(source, name) == CONTENT


async def length_of_offer(tracker: str) -> int:
    async with raw_connection(tracker) as connection:
        return len(accepted(await connection.ask(Command.STORE_IN_GROUP_ALL, GROUP)).body)
