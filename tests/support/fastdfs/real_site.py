"""A real FastDFS started for the tests and stopped after them."""

import contextlib
import shutil
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tests.support.fastdfs.daemons import STORAGE_PROGRAM, TRACKER_PROGRAM, Daemon
from tests.support.fastdfs.layout import STORAGES, Layout
from tests.support.fastdfs.protocol import (
    GROUP_FIELD,
    LONG_ADDRESS,
    SHORT_ADDRESS,
    Command,
    Status,
    text_field,
)
from tests.support.fastdfs.raw import ask_blocking
from tests.support.fastdfs.site import AddressFields, FastdfsSite

_START_SECONDS: Final = 60
_POLL_SECONDS: Final = 0.1

type MakeDaemon = Callable[[str, Path], Daemon]


class RealSite(FastdfsSite):
    def __init__(
        self,
        description: str,
        folder: Path,
        make_daemon: MakeDaemon,
        address_fields: AddressFields = "auto",
        *,
        uses_storage_ids: bool = False,
        uses_trunk: bool = False,
        store_paths: int = 1,
    ) -> None:
        layout = Layout.unused(folder)
        super().__init__(description, (layout.tracker_address,), is_real=True)
        self._folder = folder
        self._layout = layout
        self._address_size = LONG_ADDRESS if address_fields == "IPv6" else SHORT_ADDRESS
        self._storages = {
            storage: make_daemon(
                STORAGE_PROGRAM, layout.write_storage(*storage, store_paths=store_paths, syncs_in_order=uses_trunk)
            )
            for storage in STORAGES
        }
        self._running: set[tuple[str, int]] = set()
        with ExitStack() as opened:
            opened.callback(shutil.rmtree, folder, ignore_errors=True)
            conf = layout.write_tracker(address_fields, uses_storage_ids=uses_storage_ids, uses_trunk=uses_trunk)
            tracker = make_daemon(TRACKER_PROGRAM, conf)
            opened.callback(tracker.stop)
            tracker.start()
            for storage, daemon in self._storages.items():
                opened.callback(daemon.stop)
                daemon.start()
                self._running.add(storage)
            self._wait_until_active()
            self._opened = opened.pop_all()

    def stop_storage(self, group: str, index: int) -> None:
        self._running.discard((group, index))
        self._storages[group, index].stop()
        self._wait_until_active()

    def start_storage(self, group: str, index: int) -> None:
        self._running.add((group, index))
        self._storages[group, index].start()
        self._wait_until_active()

    def close(self) -> None:
        self._opened.close()

    def on_disk(self, group: str) -> list[dict[str, int]]:
        """For each storage of a group what is really there, copies included: names without folders, and sizes."""
        return [_files_in(self._folder / f"{group}-{index}") for name, index in STORAGES if name == group]

    def path_of(self, file_id: str, index: int) -> Path:
        """Where the storage keeps a file of its first store path, for tests that damage it."""
        group, _, name = file_id.partition("/")
        return self._folder / f"{group}-{index}" / "data" / name.partition("/")[2]

    def index_of(self, host: str) -> int:
        """Which storage of its group has the address."""
        return next(index for group, index in STORAGES if self._layout.storage_host(group, index) == host)

    def binlog(self, group: str, index: int) -> Path:
        """The first file of a storage's records, for tests that spoil it."""
        return self._folder / f"{group}-{index}" / "data" / "sync" / "binlog.000"

    def _wait_until_active(self) -> None:
        """The tracker offers exactly the storages that run."""
        expected = Counter(group for group, _ in self._running)
        deadline = time.monotonic() + _START_SECONDS
        while (offered := self._offered()) != expected:
            if time.monotonic() > deadline:
                raise TimeoutError(f"FastDFS offers {dict(offered)} and not {dict(expected)}:\n{self._last_words()}")
            time.sleep(_POLL_SECONDS)

    def _offered(self) -> Counter[str]:
        counts: Counter[str] = Counter()
        for group in {group for group, _ in STORAGES}:
            try:
                reply = ask_blocking(self.trackers[0], Command.STORE_IN_GROUP_ALL, text_field(group, GROUP_FIELD))
            except ConnectionError:
                continue
            if reply.status == Status.OK:
                counts[group] = (len(reply.body) - GROUP_FIELD - 1) // (self._address_size + 8)
        return counts

    def _last_words(self) -> str:
        logs = [*self._folder.glob("*.out"), *self._folder.glob("*/logs/*.log")]
        return "\n".join(f"{log.name}: {log.read_text(errors='replace')[-500:]}" for log in logs)


def _files_in(storage: Path) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for path in storage.glob("data/??/??/*"):
        with contextlib.suppress(FileNotFoundError):  # deleted since it was listed
            if not path.is_dir():
                sizes[path.name] = path.stat().st_size
    return sizes
