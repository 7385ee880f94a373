"""The programs of a real FastDFS in containers: any image that has them on its PATH will do.

The containers use the host's network, because a tracker tells clients the addresses that storages have in it.
"""

from functools import partial
from pathlib import Path

from testcontainers.core.container import DockerContainer

from tests.support.fastdfs.real_site import MakeDaemon


class ContainerDaemon:
    """A stopped container is removed; its files stay in the mounted folder."""

    def __init__(self, image: str, program: str, conf: Path) -> None:
        self._image = image
        self._program = program
        self._conf = conf
        self._container: DockerContainer | None = None

    def start(self) -> None:
        folder = str(self._conf.parent)
        self._container = (
            DockerContainer(self._image)
            .with_kwargs(entrypoint=[self._program], network_mode="host")
            .with_command(["--no-daemon", str(self._conf), "start"])
            .with_volume_mapping(folder, folder, "rw")
            .start()
        )

    def stop(self) -> None:
        container, self._container = self._container, None
        if container is not None:
            # Removing alone kills: a storage that is stopped first writes its state down.
            container.get_wrapped_container().stop()
            container.stop()


def container_daemons(image: str) -> MakeDaemon:
    return partial(ContainerDaemon, image)
