import subprocess
import sys

import pytest

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.domain.errors import InvalidArgumentException


def test_the_published_settings_are_enough() -> None:
    config = FastdfsConfig(tracker_servers=["192.168.30.36:22122"], connect_timeout=2, network_timeout=30)
    assert (config.store_path_index, config.pool_size, config.group_name) == (-1, 64, None)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"tracker_servers": []}, "tracker_servers"),
        ({"tracker_servers": ["tracker"]}, "tracker_servers: 'tracker' names no port"),
        ({"connect_timeout": 0}, "connect_timeout"),
        ({"network_timeout": -1}, "network_timeout"),
        ({"store_path_index": 256}, "store_path_index"),
        ({"connection_pool_size": -1}, "connection_pool_size"),
        ({"pool_timeout": 0}, "pool_timeout"),
        ({"group_name": "a group"}, "group_name"),
        ({"group_name": "g" * 17}, "group_name"),
        ({"address_map": {"a:1": "b"}}, "address_map: .*'b' needs one too"),
        ({"read_from": "anywhere"}, "read_from"),
        ({"spool_memory": -1}, "spool_memory"),
        ({"tracker_server": ["t:1"]}, r"tracker_server: there is no such setting, did you mean tracker_servers\?"),
    ],
)
def test_a_setting_that_cannot_work_is_named(settings: dict[str, object], named: str) -> None:
    given = {"tracker_servers": ["t:1"], **settings}
    with pytest.raises(InvalidArgumentException, match=named):
        FastdfsConfig(**given)


@pytest.mark.slow
def test_the_settings_can_be_read_without_the_client_library() -> None:
    program = "import sys, s3py_helper.adapters.fastdfs.config; sys.exit('aiofdfs' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
