"""A ledger that is as large as that of a large migration."""

from typing import Protocol

from benchmarks.child.measuring import Sample, measured


class LargeLedger(Protocol):
    """What a migration does with its ledger while nothing is new."""

    async def fill(self, rows: int) -> None: ...

    async def plan_again(self) -> int:
        """Plan what is known; gives how many files were seen."""
        ...

    async def status(self) -> None: ...


async def run(ledger: LargeLedger, samples: list[Sample], *, rows: int) -> None:
    await ledger.fill(rows)
    async with measured("plan of known ids", samples) as sample:
        seen = await ledger.plan_again()
        if seen != rows:
            raise ValueError(f"the plan saw {seen} files")
        sample.count = rows
    async with measured("status", samples):
        await ledger.status()
