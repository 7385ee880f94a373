"""Whether a ledger belongs to this cluster: another one's ids look alike, and what it lacks would count as lost."""

from typing import Final, cast

from s3py_helper.application.ports.ledger import Ledger
from s3py_helper.application.ports.migration_source import MigrationSource
from s3py_helper.domain.errors import StorageException
from s3py_helper.domain.migration import GateRefusedException

_EVENT: Final = "cluster"


class SameCluster:
    """Recognises a cluster by its storage servers, at least one of which has to be known already.

    So trackers may be replaced, and storage servers one after the other: each new one is noted when it is first seen.

    Args:
        source: FastDFS.
        ledger: Remembers the servers that were seen.
    """

    def __init__(self, source: MigrationSource, ledger: Ledger) -> None:
        self._source = source
        self._ledger = ledger
        self._seen = False

    async def require(self) -> None:
        """Check, once.

        Raises:
            GateRefusedException: None of the servers is known.
        """
        if self._seen:
            return
        try:
            groups = await self._source.groups()
        except StorageException:
            return  # whatever is done next meets it again, and reports it
        servers = {server.name for group in groups for server in group.servers}
        events = await self._ledger.events(name=_EVENT)
        known = {server for _, _, detail in events for server in cast("list[str]", detail["servers"])}
        if known and servers and known.isdisjoint(servers):
            raise GateRefusedException(
                f"the ledger belongs to another cluster, with storage servers {_names(known)}; the trackers name "
                f"{_names(servers)}: name another ledger. Where all servers have been given new addresses, a new "
                "ledger finds the copies that are there"
            )
        if new := servers - known:
            await self._ledger.note(_EVENT, {"servers": sorted(new)})
        self._seen = bool(servers)


def _names(servers: set[str]) -> str:
    first = sorted(servers)[:3]
    return ", ".join(first) + (f" and {len(servers) - len(first)} more" if len(servers) > len(first) else "")
