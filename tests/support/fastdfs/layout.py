"""Configuration of a real FastDFS that lives on loopback.

A storage refuses a tracker on 127.0.0.1, any other address of 127.0.0.0/8 will do. With an address of its own, each
storage may use the same port, and with `client_bind` the tracker tells them apart.
"""

import random
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from tests.support.fastdfs.site import AddressFields

STORAGES: Final = (("group1", 0), ("group1", 1), ("group2", 0))
FIRST_STORAGE_ID: Final = 100_001

_TRACKER: Final = """\
bind_addr = {host}
port = {port}
address_family = IPv4
response_ip_addr_size = {address_fields}
reserved_storage_space = 64MB
store_lookup = 0
max_connections = 1024
base_path = {folder}
{storage_ids}{trunk}"""

_STORAGE_IDS: Final = """\
use_storage_id = true
id_type_in_filename = id
storage_ids_filename = {file}
"""

_TRUNK: Final = """\
use_trunk_file = true
slot_min_size = 256
slot_max_size = 1MB
trunk_file_size = 64MB
"""

# The default thread_stack_size is below what some builds of the storage accept.
_STORAGE: Final = """\
group_name = {group}
bind_addr = {host}
client_bind = true
port = {port}
address_family = IPv4
tracker_server = {tracker}
thread_stack_size = 512KB
max_connections = 1024
heart_beat_interval = 1
stat_report_interval = 1
sync_binlog_buff_interval = 1
sync_wait_msec = 50
subdir_count_per_path = 4
store_path_count = {store_path_count}
base_path = {folder}
{store_paths}{sync}"""

# With several threads a replica of 6.16.1 may take in a file before it deletes the one that had its place in the trunk
# file: it then has neither, for ever.
_IN_ORDER: Final = """\
sync_max_threads = 1
"""


@dataclass(frozen=True, slots=True)
class Layout:
    folder: Path
    network: str
    tracker_port: int
    storage_port: int

    @classmethod
    def unused(cls, folder: Path) -> Self:
        """In a random corner of the loopback network, so that several test runs can share a machine."""
        network = f"127.{random.randint(2, 254)}.{random.randint(0, 255)}"
        return cls(folder, network, _free_port(f"{network}.2"), _free_port(f"{network}.3"))

    @property
    def tracker_address(self) -> str:
        return f"{self.network}.2:{self.tracker_port}"

    def write_tracker(
        self, address_fields: AddressFields, *, uses_storage_ids: bool = False, uses_trunk: bool = False
    ) -> Path:
        return self._write(
            "tracker",
            _TRACKER,
            host=f"{self.network}.2",
            port=self.tracker_port,
            address_fields=address_fields,
            storage_ids=_STORAGE_IDS.format(file=self._write_storage_ids()) if uses_storage_ids else "",
            trunk=_TRUNK if uses_trunk else "",
        )

    def write_storage(self, group: str, index: int, *, store_paths: int = 1, syncs_in_order: bool = False) -> Path:
        """The first store path is the folder of the storage, further ones are within it."""
        folders = [self.folder / f"{group}-{index}"]
        folders += [folders[0] / f"path{number}" for number in range(1, store_paths)]
        for folder in folders[1:]:
            folder.mkdir(parents=True)
        return self._write(
            folders[0].name,
            _STORAGE,
            host=self.storage_host(group, index),
            port=self.storage_port,
            group=group,
            tracker=self.tracker_address,
            store_path_count=store_paths,
            sync=_IN_ORDER if syncs_in_order else "",
            store_paths="".join(f"store_path{number} = {folder}\n" for number, folder in enumerate(folders)),
        )

    def storage_host(self, group: str, index: int) -> str:
        return f"{self.network}.{3 + STORAGES.index((group, index))}"

    def _write_storage_ids(self) -> Path:
        path = self.folder / "storage_ids.conf"
        lines = (
            f"{FIRST_STORAGE_ID + number} {group} {self.storage_host(group, index)}:{self.storage_port}\n"
            for number, (group, index) in enumerate(STORAGES)
        )
        path.write_text("".join(lines), encoding="ascii")
        return path

    def _write(self, name: str, template: str, **values: object) -> Path:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        path = self.folder / f"{name}.conf"
        path.write_text(template.format(folder=folder, **values), encoding="ascii")
        return path


def _free_port(host: str) -> int:
    with socket.create_server((host, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
