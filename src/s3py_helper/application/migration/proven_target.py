"""What the target can do, tried once for all workers."""

from dataclasses import asdict, fields
from typing import Final

from s3py_helper.application.ports.ledger import Ledger
from s3py_helper.application.ports.migration_target import MigrationTarget, TargetAbilities
from s3py_helper.domain.errors import AccessDeniedException, BucketNotFoundException
from s3py_helper.domain.migration import GateRefusedException

_EVENT: Final = "target"
_NAMES: Final = frozenset(field.name for field in fields(TargetAbilities))
_SEEN_SECONDS: Final = 600.0
"""Seconds for which what one worker saw of a target holds for all: not every one has to try it."""


class ProvenTarget:
    """The abilities of a target.

    Args:
        target: S3.
        ledger: Remembers what was seen.
        prefix: The front of the keys.
    """

    def __init__(self, target: MigrationTarget, ledger: Ledger, prefix: str) -> None:
        self._target = target
        self._ledger = ledger
        self._prefix = prefix
        self._abilities: TargetAbilities | None = None

    async def note(self, abilities: TargetAbilities) -> None:
        """What was just found out, for reports."""
        self._abilities = abilities
        await self._ledger.note(_EVENT, asdict(abilities))

    async def abilities(self) -> TargetAbilities:
        """What it can do; tried unless somebody has lately.

        Raises:
            GateRefusedException: It cannot be used.
        """
        self._abilities = self._abilities or await self._seen_lately()
        if self._abilities is None:
            try:
                await self.note(await self._target.probe(self._prefix))
            except (AccessDeniedException, BucketNotFoundException) as error:
                raise GateRefusedException(f"the target cannot be used: {error.message}") from error
        if self._abilities is None or not _is_usable(self._abilities):
            raise GateRefusedException("the target cannot be used: 'preflight' says why")
        return self._abilities

    async def _seen_lately(self) -> TargetAbilities | None:
        """What another worker, or a preflight, has recently found out."""
        for at, _, seen in await self._ledger.events(name=_EVENT, limit=1):
            abilities = TargetAbilities(**{name: bool(can) for name, can in seen.items() if name in _NAMES})
            if await self._ledger.now() - at < _SEEN_SECONDS and _is_usable(abilities):
                return abilities
        return None


def _is_usable(abilities: TargetAbilities) -> bool:
    return abilities.writable and abilities.shows_missing
