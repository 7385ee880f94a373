"""What the commands of a storage work on: its files, its place in the group, the rules that all commands share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from tests.support.fastdfs.exchange import Refusal, Request
from tests.support.fastdfs.names import NAME_PATTERN, StoredName, source_of_address, source_of_id
from tests.support.fastdfs.protocol import GROUP_FIELD, Status, field_text
from tests.support.fastdfs.settings import Settings
from tests.support.fastdfs.volume import Change, StoredFile, Volume

_ONLY_PATH: Final = b"00"

type Publish = Callable[[bytes, Change], None]


@dataclass(frozen=True, slots=True)
class Shelf:
    host: str
    server_id: str
    """What trackers call the storage: a number with `use_storage_id`, else its address."""
    group: str
    settings: Settings
    publish: Publish
    """Told the name and the change of every file changed here, so that replicas can follow."""
    files: Volume = field(default_factory=Volume)

    @property
    def source(self) -> bytes:
        """What stands for this storage in the names that it gives."""
        return source_of_id(self.server_id) if self.settings.uses_storage_ids else source_of_address(self.host)

    async def read_target(self, request: Request) -> bytes:
        """The file name after a group name: the rest of the request."""
        target = await request.body()
        self.check_group(target[:GROUP_FIELD])
        return target[GROUP_FIELD:]

    def check_group(self, group_field: bytes) -> None:
        if field_text(group_field) != self.group.encode("ascii"):
            raise Refusal(Status.INVALID)

    def find(self, name: bytes) -> StoredFile:
        match = NAME_PATTERN.fullmatch(name)
        if match is None or match[1] != _ONLY_PATH:
            raise Refusal(Status.INVALID)
        file = self.files.get(name)
        if file is None:
            raise Refusal(Status.MISSING)
        return file

    def find_appender(self, name: bytes) -> StoredFile:
        file = self.find(name)
        if not file.is_appender:
            raise Refusal(Status.INVALID)
        return file

    def new_name(self, stored: StoredName) -> bytes:
        name = stored.encode()
        while name in self.files:
            name = stored.encode()
        return name
