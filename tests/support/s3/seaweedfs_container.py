"""SeaweedFS in a container whose image is built on the spot around the `weed` binary: no registry is asked."""

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.s3.ready import wait_for_http
from tests.support.s3.seaweedfs import ACCESS_KEY, ENVIRONMENT, FLAGS, SECRET_KEY
from tests.support.s3.server import S3Server

_S3_PORT = 8333
# The binary is linked statically; it needs no system around it, but a folder for temporary files.
_DOCKERFILE = """\
FROM scratch
COPY weed /weed
COPY data /data
COPY tmp /tmp
ENTRYPOINT ["/weed"]
"""


def docker_answers() -> bool:
    """Whether a daemon listens where the environment says. Docker's own package leaves a socket open when none does."""
    address = urlsplit(os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"))
    try:
        if address.scheme == "unix":
            with socket.socket(socket.AF_UNIX) as daemon:
                daemon.connect(address.path)
        else:
            socket.create_connection((address.hostname or "localhost", address.port or 2375), timeout=2).close()
    except OSError:
        return False
    return True


@contextmanager
def seaweedfs_container(weed: Path, folder: Path) -> Iterator[S3Server]:
    """The server, published on a local port; container and image are removed at the end, also after a failure."""
    # The reaper is an image of its own that would have to be pulled. It is read when testcontainers is imported.
    os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - as above
    from testcontainers.core.image import DockerImage  # noqa: PLC0415 - as above

    _write_context(folder, weed)
    with DockerImage(path=folder, tag="s3py-helper-tests/seaweedfs:local") as image:
        container = DockerContainer(str(image)).with_exposed_ports(_S3_PORT).with_envs(**ENVIRONMENT)
        container.with_command(["server", "-dir=/data", "-s3", "-filer", "-ip.bind=0.0.0.0", *FLAGS])
        with container:
            endpoint = f"http://{container.get_container_host_ip()}:{container.get_exposed_port(_S3_PORT)}"
            wait_for_http(f"{endpoint}/healthz", seconds=90, still_alive=lambda: True)
            yield S3Server("seaweedfs", endpoint, ACCESS_KEY, SECRET_KEY)


def _write_context(folder: Path, weed: Path) -> None:
    shutil.copy2(weed, folder / "weed")
    (folder / "Dockerfile").write_text(_DOCKERFILE)
    for empty in ("data", "tmp"):
        (folder / empty).mkdir()
