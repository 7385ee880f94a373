"""Set and get metadata. No metadata and no file look the same to a client."""

from typing import Final

from tests.support.fastdfs.exchange import Refusal, Reply, Request
from tests.support.fastdfs.protocol import GROUP_FIELD, Command, Status, read_numbers
from tests.support.fastdfs.server import Handler
from tests.support.fastdfs.shelf import Shelf

_HEAD: Final = 8 + 8 + 1
_OVERWRITE: Final = b"O"
_MERGE: Final = b"M"


class MetadataCommands:
    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def handlers(self) -> dict[Command, Handler]:
        return {Command.SET_METADATA: self._set, Command.GET_METADATA: self._get}

    async def _set(self, request: Request) -> Reply:
        if request.length < _HEAD:
            raise Refusal(Status.INVALID)
        body = await request.body()
        name_length, size = read_numbers(body, 2)
        flag, target = body[_HEAD - 1 : _HEAD], body[_HEAD:]
        if flag not in {_OVERWRITE, _MERGE} or GROUP_FIELD + name_length + size != len(target):
            raise Refusal(Status.INVALID)
        self._shelf.check_group(target[:GROUP_FIELD])
        name = target[GROUP_FIELD : GROUP_FIELD + name_length]
        self._shelf.find(name)
        sent = target[GROUP_FIELD + name_length :]
        self._shelf.publish(name, self._shelf.files.set_metadata(name, sent, merge=flag == _MERGE))
        return Reply()

    async def _get(self, request: Request) -> Reply:
        metadata = self._shelf.find(await self._shelf.read_target(request)).metadata
        if not metadata:
            raise Refusal(Status.MISSING)
        return Reply.of(metadata)
