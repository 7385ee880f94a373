"""A tracker: knows which storages are up and sends clients to one. It never looks whether a file exists."""

from collections.abc import Sequence
from itertools import count
from typing import Final

from tests.support.fastdfs.exchange import Refusal, Reply, Request
from tests.support.fastdfs.group import Group
from tests.support.fastdfs.listing import SERVER_ID_FIELD, group_record, listing_record
from tests.support.fastdfs.protocol import GROUP_FIELD, Command, Status, field_text, numbers, text_field
from tests.support.fastdfs.server import Handler, ProtocolServer
from tests.support.fastdfs.settings import Settings
from tests.support.fastdfs.storage import StorageServer
from tests.support.fastdfs.wire import Wire

_SHORTEST_NAME: Final = 22
_LONGEST_NAME: Final = 127
_PATH: Final = b"\0"


class TrackerServer(ProtocolServer):
    def __init__(self, host: str, groups: Sequence[Group], settings: Settings) -> None:
        super().__init__(host)
        self.groups = groups
        self.store_group: str | None = None
        """Send all uploads that name no group to this one, instead of each group in turn."""
        self._settings = settings
        self._turns = count()
        self._handlers: dict[Command, Handler] = {
            Command.STORE_ANYWHERE: self._store_anywhere,
            Command.STORE_ANYWHERE_ALL: self._store_anywhere_all,
            Command.STORE_IN_GROUP: self._store_in_group,
            Command.STORE_IN_GROUP_ALL: self._store_in_group_all,
            Command.FETCH_ONE: self._fetch_one,
            Command.FETCH_ALL: self._fetch_all,
            Command.UPDATE: self._update,
            Command.LIST_GROUPS: self._list_groups,
            Command.LIST_STORAGES: self._list_storages,
            Command.ACTIVE_TEST: self._active_test,
        }

    def handlers(self) -> dict[Command, Handler]:
        return self._handlers

    async def _exchange(self, request: Request, wire: Wire) -> None:
        if request.fits_buffer:
            await super()._exchange(request, wire)
        else:
            await wire.close()

    async def _store_anywhere(self, request: Request) -> Reply:
        await _expect_nothing(request)
        group = self._group_in_turn()
        return self._one(group, group.for_upload(), _PATH)

    async def _store_anywhere_all(self, request: Request) -> Reply:
        await _expect_nothing(request)
        group = self._group_in_turn()
        return self._all(group, group.announced(), _PATH)

    async def _store_in_group(self, request: Request) -> Reply:
        group = self._group(await _expect(request, GROUP_FIELD))
        return self._one(group, group.for_upload(), _PATH)

    async def _store_in_group_all(self, request: Request) -> Reply:
        group = self._group(await _expect(request, GROUP_FIELD))
        return self._all(group, group.announced(), _PATH)

    async def _fetch_one(self, request: Request) -> Reply:
        group, name = await self._file(request)
        return self._one(group, group.one_for_download(name))

    async def _update(self, request: Request) -> Reply:
        group, name = await self._file(request)
        return self._one(group, group.for_update(name))

    async def _fetch_all(self, request: Request) -> Reply:
        group, name = await self._file(request)
        storages = group.for_download(name)
        if self._settings.repeats_port_in_fetch_all or not storages:
            return self._all(group, storages)
        others = (text_field(storage.host, self._settings.address_size) for storage in storages[1:])
        return Reply.of(self._entry(group, storages[:1]) + b"".join(others))

    async def _list_groups(self, request: Request) -> Reply:
        await _expect_nothing(request)
        return Reply.of(b"".join(group_record(group, self._settings) for group in self.groups))

    async def _list_storages(self, request: Request) -> Reply:
        if not GROUP_FIELD <= request.length < GROUP_FIELD + SERVER_ID_FIELD:
            raise Refusal(Status.INVALID)
        body = await request.body()
        storages = self._group(body[:GROUP_FIELD]).storages
        if server_id := field_text(body[GROUP_FIELD:]).decode("ascii"):
            storages = [storage for storage in storages if storage.server_id == server_id]
            if not storages:
                raise Refusal(Status.MISSING)
        return Reply.of(b"".join(listing_record(storage, self._settings) for storage in storages))

    async def _active_test(self, request: Request) -> Reply:
        await _expect_nothing(request)
        return Reply()

    def _group_in_turn(self) -> Group:
        if self.store_group is not None:
            return self._group(self.store_group.encode("ascii"))
        groups = [group for group in self.groups if group.announced()]
        if not groups:
            raise Refusal(Status.MISSING)
        return groups[next(self._turns) % len(groups)]

    def _group(self, field: bytes) -> Group:
        for group in self.groups:
            if group.name.encode("ascii") == field_text(field):
                return group
        raise Refusal(Status.MISSING)

    async def _file(self, request: Request) -> tuple[Group, bytes]:
        body = await request.body()
        name = body[GROUP_FIELD:]
        if not _SHORTEST_NAME <= len(name) <= _LONGEST_NAME:
            raise Refusal(Status.INVALID)
        return self._group(body[:GROUP_FIELD]), name

    def _one(self, group: Group, storage: StorageServer | None, tail: bytes = b"") -> Reply:
        return self._all(group, [storage] if storage else [], tail)

    def _all(self, group: Group, storages: Sequence[StorageServer], tail: bytes = b"") -> Reply:
        if not storages:
            raise Refusal(Status.MISSING)
        return Reply.of(self._entry(group, storages) + tail)

    def _entry(self, group: Group, storages: Sequence[StorageServer]) -> bytes:
        return text_field(group.name, GROUP_FIELD) + b"".join(
            text_field(storage.host, self._settings.address_size) + numbers(storage.port) for storage in storages
        )


async def _expect(request: Request, length: int) -> bytes:
    if request.length != length:
        raise Refusal(Status.INVALID)
    return await request.body()


async def _expect_nothing(request: Request) -> None:
    await _expect(request, 0)
