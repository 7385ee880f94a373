"""All steps of a migration in rounds, until nothing is left or nothing helps."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from s3py_helper.application.migration.applying import Applier, ApplyOptions, ApplyProgress
from s3py_helper.application.migration.migration import Migration
from s3py_helper.application.ports.migration_target import TargetObject
from s3py_helper.domain.migration import moved_key
from tests.support.migration.in_memory import ABLE, MemorySource, MemoryTarget
from tests.support.migration.steps import PREFIX

pytestmark = [pytest.mark.timeout(30), pytest.mark.usefixtures("quick_steps")]


class Rounds:
    """Copies in rounds, before each of which something happens, and remembers how it was asked to."""

    def __init__(self, *before: Callable[[], object], stops_in: int = 99) -> None:
        self.options: list[ApplyOptions] = []
        self._before = list(before)
        self._stops_in = stops_in

    async def __call__(self, applier: Applier, options: ApplyOptions) -> ApplyProgress:
        self.options.append(options)
        if self._before:
            self._before.pop(0)()
        if len(self.options) == self._stops_in:
            applier.stop()
        return await applier.apply(options)


async def run(migration: Migration, rounds: Rounds, options: ApplyOptions | None = None) -> tuple[int, int, str]:
    result = await migration.run(options, copying=rounds)
    assert result.applied.copied * 4 == result.applied.bytes
    return result.applied.copied, result.verified.failed_count, result.applied.stopped_by


async def test_a_run_goes_on_until_a_plan_finds_nothing_new(
    migration: Migration, source: MemorySource, target: MemoryTarget
) -> None:
    source.add(b"some", 1)
    options = ApplyOptions(concurrency=2)
    rounds = Rounds(lambda: source.add(b"some", 2), lambda: source.add(b"some", 3))
    assert await run(migration, rounds, options) == (3, 0, "done")
    assert rounds.options == [options] * 4
    assert len(target.contents) == 3
    again = Rounds()
    assert await run(migration, again) == (0, 0, "done")
    assert len(again.options) == 1


async def test_a_run_that_is_stopped_goes_no_further(migration: Migration, source: MemorySource) -> None:
    source.add(b"some", 1)
    rounds = Rounds(stops_in=1)
    assert await run(migration, rounds) == (0, 0, "interrupted")
    assert await migration.ledger.events(name="verify") == []


async def test_a_run_repeats_what_a_verification_refused_while_that_helps(
    migration: Migration, source: MemorySource, target: MemoryTarget
) -> None:
    source.add(b"some", 1)
    target.abilities = replace(ABLE, checks_crc32=False)
    source.add(b"some", 2)
    lost = [moved_key(PREFIX, file_id) for file_id in source.files]
    target_list = target.list
    looks = 0

    def losing(prefix: str) -> object:
        nonlocal looks
        looks += 1
        if looks == 1:
            target.objects.clear()
        elif looks in {2, 3, 4}:
            target.objects.pop(lost[0])
        return target_list(prefix)

    target.list = losing  # type: ignore[method-assign,assignment]  # a target that loses objects
    rounds = Rounds()
    # Two fail, then one, then one again: another round will not help.
    assert await run(migration, rounds) == (2 + 2 + 1, 1, "done")
    assert len(rounds.options) == 3


async def test_a_run_counts_what_was_put_aside(
    migration: Migration, source: MemorySource, target: MemoryTarget
) -> None:
    file_id = source.add(b"some")
    key = moved_key(PREFIX, file_id)
    target.objects[key] = TargetObject(key, 4, '"x"', 7, metadata={})
    result = await migration.run(copying=Rounds())
    assert (result.applied.quarantined, result.applied.copied) == (1, 0)
