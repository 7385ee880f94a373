"""What must be true before reads leave FastDFS, and before anything is deleted there."""

from collections.abc import Collection, Sequence
from typing import Final

from s3py_helper.application.ports.ledger import Ledger
from s3py_helper.application.ports.migration_source import MigrationSource
from s3py_helper.domain.errors import InvalidArgumentException, StorageException
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileState, GateRefusedException, Route

_UNPROVEN: Final = (
    FileState.PLANNED,
    FileState.COPYING,
    FileState.COPIED,
    FileState.MISSING_AT_SOURCE,
    FileState.QUARANTINED,
)

_PROOFS: Final = 10

_LISTINGS: Final = 100_000
"""Of all groups together, since the migration began."""


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
        await self._accept(group, accept)
        counts = {tally.state: tally.files for tally in tallies}
        unless: Collection[FileState] = ()
        match route:
            case Route.S3_ONLY:
                await self._require_proven(group, counts)
                if not accept_incomplete:
                    await self._require_listed(group)
                unless = _UNPROVEN
            case Route.FASTDFS:
                await self._require_undrained(group, counts.get(FileState.DRAINED, 0))
                unless = [FileState.DRAINED]
            case Route.S3_FIRST:
                pass
        if not await self._ledger.set_route(group, route, unless=unless):
            raise GateRefusedException(f"the files of {group} have changed meanwhile: look at 'status', and try again")

    async def _accept(self, group: str, accept: Sequence[FileId]) -> None:
        for file_id in accept:
            file = await self._ledger.find(file_id)
            if file is None or file.state is not FileState.QUARANTINED or file_id.bucket != group:
                raise InvalidArgumentException(f"{file_id} is no quarantined file of {group}: 'errors' shows them")
        if accept:
            await self._ledger.accept(accept)

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
        for _, _, detail in await self._ledger.events(name="listing", limit=_LISTINGS):
            if detail.get("group") == group and detail.get("complete"):
                return
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
            if group in groups:
                await self._require_answer(group, self._source)
        except StorageException as error:
            raise GateRefusedException(f"FastDFS does not answer: {error.message}") from error
        if group not in groups:
            raise GateRefusedException(f"FastDFS has no group {group} any more")

    async def _require_answer(self, group: str, source: MigrationSource) -> None:
        """Ask for some files: a tracker that responds proves nothing about its storage servers."""
        async with self._ledger.files(group=group, states=[FileState.COPIED, FileState.VERIFIED]) as files:
            looked_at = 0
            async for file in files:
                if not (await source.facts(file.file_id)).exists:
                    raise GateRefusedException(
                        f"FastDFS no longer has {file.file_id}: plan again, then look at 'missing'"
                    )
                looked_at += 1
                if looked_at == _PROOFS:
                    return
