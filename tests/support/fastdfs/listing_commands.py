"""The list of what is in a store path."""

from typing import Final

from tests.support.fastdfs.binlog import ENDLESS
from tests.support.fastdfs.exchange import Refusal, Reply, Request
from tests.support.fastdfs.protocol import GROUP_FIELD, Command, Status
from tests.support.fastdfs.server import Handler
from tests.support.fastdfs.shelf import Shelf

_STORE_PATHS: Final = 1


class ListingCommands:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def handlers(self) -> dict[Command, Handler]:
        return {Command.LIST_STORE_PATH: self._list}

    async def _list(self, request: Request) -> Reply:
        if request.length != GROUP_FIELD + 1:
            raise Refusal(Status.INVALID)
        body = await request.body()
        self._shelf.check_group(body[:GROUP_FIELD])
        if body[-1] >= _STORE_PATHS:
            raise Refusal(Status.INVALID)
        files = self._shelf.files
        if files.binlog.lacks_beginning:
            raise Refusal(Status.MISSING)
        return Reply(length=ENDLESS, body=files.binlog.listing(files.is_listed), closes=True)
