"""What a worker holds: files that it has claimed, until their outcome is recorded or they are released."""

import asyncio
import secrets
import socket
from contextlib import suppress

from s3py_helper.application.concurrency.completion import completed
from s3py_helper.application.ports.ledger import Ledger, LedgerFile
from s3py_helper.domain.errors import StorageException
from s3py_helper.domain.file_id import FileId


class Claims:
    """The claims of one worker.

    Args:
        ledger: Where they are made.
        lease_seconds: How long a claim holds that is not prolonged.

    Attributes:
        worker: The name under which they are made.
    """

    def __init__(self, ledger: Ledger, lease_seconds: float) -> None:
        self.worker = f"{socket.gethostname()}:{secrets.token_hex(4)}"
        self._ledger = ledger
        self._lease_seconds = lease_seconds
        self._held: dict[FileId, LedgerFile] = {}

    def __len__(self) -> int:
        """How many files are held."""
        return len(self._held)

    async def take(self, limit: int, group: str | None, *, large: bool, shard: int | None = None) -> list[LedgerFile]:
        """Claim files that wait to be copied; see `Ledger.claim`."""

        async def taking() -> list[LedgerFile]:
            claims = await self._ledger.claim(
                self.worker, limit, self._lease_seconds, group=group, large=large, shard=shard
            )
            self._held.update((claim.file_id, claim) for claim in claims)
            return claims

        # To its end even when cancelled: a claim that nobody knows of would hold its file until the lease ends.
        return await completed(taking())

    def settle(self, claim: LedgerFile) -> None:
        """Note that the outcome of a claim is recorded; one that was made since, of the same file, is still held."""
        held = self._held.get(claim.file_id)
        if held is not None and held.fence == claim.fence:
            del self._held[claim.file_id]

    async def keep(self) -> None:
        """Prolong all leases, again and again, until cancelled."""
        while True:
            await asyncio.sleep(self._lease_seconds / 4)
            claims = list(self._held.values())
            with suppress(StorageException):  # tried again, long before the leases end
                for claim, kept in zip(claims, await self._ledger.extend(claims, self._lease_seconds), strict=True):
                    if not kept:
                        self.settle(claim)

    async def release(self) -> None:
        """Release what is still held."""
        claims, self._held = list(self._held.values()), {}
        if claims:
            with suppress(StorageException):  # the leases end by themselves
                await self._ledger.release(claims)
