"""Programs that try the files of `deploy/`, where they are there."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.s3.seaweedfs_container import docker_answers

_PATH = "/usr/bin:/usr/local/bin:/usr/sbin:/usr/local/sbin:/bin"


def _program(name: str) -> str:
    program = shutil.which(name) or shutil.which(name, path=_PATH)
    if program is None:
        pytest.skip(f"no {name} on PATH")
    return program


@pytest.fixture(scope="session")
def nginx() -> str:
    return _program("nginx")


@pytest.fixture(scope="session")
def caddy() -> str:
    return _program("caddy")


@pytest.fixture(scope="session")
def systemd_analyze() -> str:
    return _program("systemd-analyze")


@pytest.fixture(scope="session")
def docker_compose() -> list[str]:
    """The command, as a plugin of Docker or by itself."""
    docker = shutil.which("docker")
    if docker is not None:
        plugin = [docker, "compose"]
        if not subprocess.run([*plugin, "version"], capture_output=True, check=False).returncode:
            return plugin
    return [_program("docker-compose")]


@pytest.fixture(scope="session")
def docker() -> str:
    program = _program("docker")
    if not docker_answers():
        pytest.skip("no daemon answers at DOCKER_HOST")
    return program


@pytest.fixture
def deploy() -> Path:
    return Path("deploy").absolute()
