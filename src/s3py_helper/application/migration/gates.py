"""What must be true before reads leave FastDFS, and before anything is deleted there."""

from collections.abc import Collection, Sequence
from typing import Final

from s3py_helper.application.ports.ledger import Ledger
from s3py_helper.application.ports.migration_source import MigrationSource
from s3py_helper.domain.errors import InvalidArgumentException, StorageException
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileState, GateRefusedException, Route

_SETTLED: Final = frozenset({FileState.VERIFIED, FileState.DRAINED, FileState.GONE, FileState.DELETED})


class Gates:
    """Changes routes, each only when it is safe.

    Args:
        source: FastDFS; `None` where it is no longer there.
        ledger: What has been proven.
    """

    def __init__(self, source: MigrationSource | None, ledger: Ledger) -> None:
        self._source = source
        self._ledger = ledger

    async def route(
        self, group: str, route: Route, *, accept: Sequence[FileId] = (), accept_incomplete: bool = False
    ) -> None:
        """Send reads of a group's old ids elsewhere; takes effect in all processes within seconds.

        Args:
            group: The group.
            route: Where to.
            accept: Quarantined files whose ids may stop working.
            accept_incomplete: Go on although no listing of the group was whole.

        Raises:
            InvalidArgumentException: The ledger knows no such group.
            GateRefusedException: Something is not proven yet.
        """
        tallies = [tally for tally in await self._ledger.tallies() if tally.group == group]
        if not tallies:
            raise InvalidArgumentException(f"the ledger knows no group {group!r}: plan it first")
        if accept:
            await self._ledger.accept(accept)
        counts = {tally.state: tally.files for tally in tallies}
        match route:
            case Route.S3_ONLY:
                await self._require_proven(group, counts)
                if not accept_incomplete:
                    await self._require_listed(group)
            case Route.FASTDFS:
                await self._require_undrained(group, counts.get(FileState.DRAINED, 0))
            case Route.S3_FIRST:
                pass
        await self._ledger.set_route(group, route)

    async def _require_proven(self, group: str, counts: dict[FileState, int]) -> None:
        for state in (FileState.PLANNED, FileState.COPYING, FileState.COPIED):
            if counts.get(state):
                raise GateRefusedException(
                    f"{counts[state]} files of {group} are {state}, not verified: run 'apply' and 'verify' first"
                )
        if missing := counts.get(FileState.MISSING_AT_SOURCE):
            raise GateRefusedException(
                f"{missing} files of {group} have a copy but are missing at their source: decide with 'missing'"
            )
        if counts.get(FileState.QUARANTINED) and (open_ones := await self._not_accepted(group)):
            raise GateRefusedException(
                f"{len(open_ones)} files of {group} are quarantined, for example {open_ones[0]}: "
                "look at 'errors', or accept them by name"
            )

    async def _not_accepted(self, group: str) -> list[FileId]:
        async with self._ledger.files(group=group, states=[FileState.QUARANTINED]) as files:
            return [file.file_id async for file in files if not file.accepted]

    async def _require_listed(self, group: str) -> None:
        for _, name, detail in await self._ledger.events():
            if name == "listing" and detail.get("group") == group:
                if detail.get("complete"):
                    return
                break
        raise GateRefusedException(
            f"the last listing of {group} was not whole: plan again, or accept the difference by its number"
        )

    async def _require_undrained(self, group: str, drained: int) -> None:
        if drained:
            raise GateRefusedException(f"{drained} files of {group} were deleted from FastDFS: there is no way back")
        if self._source is None:
            raise GateRefusedException("this deployment has no FastDFS")
        try:
            groups: Collection[str] = {found.name for found in await self._source.groups()}
        except StorageException as error:
            raise GateRefusedException(f"FastDFS does not answer: {error.message}") from error
        if group not in groups:
            raise GateRefusedException(f"FastDFS has no group {group} any more")
