"""A storage server: the files of one group, on one store path."""

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

from tests.support.fastdfs.appender_commands import AppenderCommands
from tests.support.fastdfs.file_commands import FileCommands
from tests.support.fastdfs.listing_commands import ListingCommands
from tests.support.fastdfs.metadata_commands import MetadataCommands
from tests.support.fastdfs.protocol import Command, Status
from tests.support.fastdfs.report import Report
from tests.support.fastdfs.server import Handler, ProtocolServer
from tests.support.fastdfs.shelf import Shelf
from tests.support.fastdfs.volume import Volume


class StorageServer(ProtocolServer):
    closing_statuses: ClassVar = frozenset({Status.INVALID})

    def __init__(self, shelf: Shelf) -> None:
        super().__init__(shelf.host)
        self._shelf = shelf
        parts = (FileCommands(shelf), AppenderCommands(shelf), MetadataCommands(shelf), ListingCommands(shelf))
        self._handlers = {command: handler for part in parts for command, handler in part.handlers().items()}
        self._held: Report | None = None
        self.is_announced = False
        """Whether the trackers believe that it is up."""
        self.when_started: Callable[[], None] = lambda: None

    @property
    def server_id(self) -> str:
        return self._shelf.server_id

    @property
    def source(self) -> bytes:
        return self._shelf.source

    @property
    def files(self) -> Volume:
        """By name without group. A test may look into it and damage what it finds."""
        return self._shelf.files

    @property
    def report(self) -> Report:
        """What trackers know of what was done here."""
        return self._held or self._shelf.files.report

    def hold_report(self) -> None:
        """Report nothing from now on: trackers keep the counters of this moment, as between two reports."""
        self._held = replace(self._shelf.files.report)

    def release_report(self) -> None:
        """Report again."""
        self._held = None

    def handlers(self) -> dict[Command, Handler]:
        return self._handlers

    async def start(self) -> None:
        await super().start()
        self.is_announced = True
        self.when_started()

    async def stop(self, *, noticed: bool = True) -> None:
        """Trackers notice at once, as they do of a killed process, or not, as of a machine that lost its network."""
        if noticed:
            self.is_announced = False
        await super().stop()
