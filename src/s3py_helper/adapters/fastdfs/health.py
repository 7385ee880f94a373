"""Whether new files can be stored."""

from typing import Final

from s3py_helper.adapters.fastdfs.protocol.faults import ConnectionFault
from s3py_helper.adapters.fastdfs.protocol.storage_client import StorageClient
from s3py_helper.adapters.fastdfs.routing.trackers import Trackers, UploadTarget
from s3py_helper.adapters.fastdfs.session import FastdfsSession

_ATTEMPTS: Final = 3


async def check_health(trackers: Trackers, session: FastdfsSession) -> None:
    """Return when a tracker names an active storage server with room, and that server responds.

    A tracker that responds proves nothing about storage servers: it does so with all of them down. It names another one
    each time, so one that is out of reach, but that the tracker does not miss yet, does not make the cluster unhealthy.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        target = await trackers.place_for_new_file()
        try:
            await _reach(session, target)
        except ConnectionFault:
            if attempt == _ATTEMPTS:
                raise
        else:
            return


async def _reach(session: FastdfsSession, target: UploadTarget) -> None:
    await session.talk(target.address, lambda connection: StorageClient(connection, target.group).active_test())
