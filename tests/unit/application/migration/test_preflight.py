"""What a preflight finds on both sides, what it calls it, and what it advises."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import override

import pytest

from s3py_helper.application.migration.preflight import Finding, Preflight, Verdict, preflight
from s3py_helper.application.ports.migration_source import SourceGroup, SourceServer
from s3py_helper.application.ports.migration_target import TargetAbilities
from s3py_helper.domain.errors import StorageException, StorageUnavailableException
from tests.support.migration.in_memory import ABLE, Listing, MemorySource, MemoryTarget

NOW = 1_700_000_000
ROOM = 1 << 40
DOWN = StorageUnavailableException("nobody answers")
HEALTHY = SourceServer("127.0.0.3:23000", 1, "6.12.2", True, 7, NOW - 60, ROOM, NOW - 120)
OTHER = replace(HEALTHY, name="127.0.0.4:23000")


class Source(MemorySource):
    """Trackers that name these servers, of which one cannot be listed."""

    def __init__(self, *servers: SourceServer, unlisted: str = "", error: StorageException | None = None) -> None:
        super().__init__()
        self._named = servers
        self._unlisted = unlisted
        self._error = error

    @override
    async def groups(self) -> Sequence[SourceGroup]:
        if self._error is not None:
            raise self._error
        return [SourceGroup("group1", self._named)]

    @override
    @asynccontextmanager
    async def listing(self, group: str, server: str, store_path: int) -> AsyncGenerator[Listing]:
        self.asked.append(f"listing of {group} {server} {store_path}")
        if server == self._unlisted:
            raise DOWN
        yield Listing([], None)


async def looked_at(source: MemorySource, target: MemoryTarget | None = None, room: int | None = None) -> Preflight:
    return await preflight(source, target or MemoryTarget(), "moved/", ledger_room=room, clock=lambda: NOW)


def of(found: Preflight, subject: str) -> list[tuple[Verdict, str]]:
    return [(finding.verdict, finding.says) for finding in found.findings if finding.subject == subject]


async def test_where_all_is_well_everything_is_fine() -> None:
    source, target = Source(HEALTHY, OTHER), MemoryTarget()
    found = await looked_at(source, target, ROOM)
    assert [(finding.subject, finding.says) for finding in found.findings] == [
        ("clock", "agrees with the trackers'"),
        ("group1 127.0.0.3:23000", "version 6.12.2, 7 files"),
        ("group1 127.0.0.4:23000", "version 6.12.2, 7 files"),
        ("group1 listing", "all servers can be listed"),
        ("ledger room", "1048576 MiB are free"),
        ("target: write and delete", "works"),
        ("target: a missing object shows as NoSuchKey", "works"),
        ("target: checks CRC-32", "works"),
        ("target: checks the CRC-32 of a whole multipart upload", "works"),
        ("target: refuses to overwrite (If-None-Match)", "works"),
    ]
    assert {finding.verdict for finding in found.findings} == {Verdict.FINE}
    assert {finding.mend for finding in found.findings} == {""}
    assert (found.passed, found.abilities) == (True, ABLE)
    assert target.done == ["probed moved/"]
    assert source.asked == ["listing of group1 127.0.0.3:23000 0", "listing of group1 127.0.0.4:23000 0"]


@pytest.mark.parametrize(
    ("server", "says"),
    [
        (replace(HEALTHY, active=False), "is not active"),
        (replace(HEALTHY, synced_until=0), "has followed none of its peers' changes yet"),
        (replace(HEALTHY, synced_until=NOW - 61), "is 61 s behind its peers"),
    ],
)
async def test_a_server_that_lags_is_a_warning(server: SourceServer, says: str) -> None:
    found = await looked_at(Source(server, OTHER))
    assert of(found, "group1 127.0.0.3:23000") == [(Verdict.WARNING, says)]
    assert of(found, "group1 127.0.0.4:23000") == [(Verdict.FINE, "version 6.12.2, 7 files")]
    assert all(finding.mend for finding in found.findings if finding.verdict is Verdict.WARNING)
    assert found.passed, "a warning closes no gate"


async def test_a_lone_server_has_nobody_to_follow() -> None:
    found = await looked_at(Source(replace(HEALTHY, synced_until=None)))
    assert of(found, "group1 127.0.0.3:23000") == [(Verdict.FINE, "version 6.12.2, 7 files")]


@pytest.mark.parametrize(
    ("free", "expected"), [((1 << 30) - 1, [(Verdict.WARNING, "1023 MiB are free")]), (1 << 30, [])]
)
async def test_a_server_without_room_is_a_warning(free: int, expected: list[tuple[Verdict, str]]) -> None:
    found = await looked_at(Source(replace(HEALTHY, free_bytes=free)))
    assert of(found, "group1 127.0.0.3:23000 room") == expected


@pytest.mark.parametrize(
    ("heard", "verdict", "says"),
    [
        ([NOW - 120], Verdict.FINE, "agrees with the trackers'"),
        ([NOW + 120], Verdict.FINE, "agrees with the trackers'"),
        ([NOW - 121], Verdict.WARNING, "is 121 s ahead of the trackers'"),
        ([NOW + 121], Verdict.WARNING, "is 121 s behind the trackers'"),
        ([NOW - 900, NOW], Verdict.FINE, "agrees with the trackers'"),
        ([None], Verdict.FINE, "agrees with the trackers'"),
        ([], Verdict.FINE, "agrees with the trackers'"),
    ],
)
async def test_the_clock_is_compared_with_the_last_sign_of_life(
    heard: list[int | None], verdict: Verdict, says: str
) -> None:
    silent = replace(HEALTHY, active=False, heard_at=NOW + 5000)
    found = await looked_at(Source(*[replace(HEALTHY, heard_at=at) for at in heard], silent))
    assert of(found, "clock") == [(verdict, says)]


async def test_a_server_that_does_not_let_itself_be_listed_is_a_warning() -> None:
    found = await looked_at(Source(HEALTHY, OTHER, unlisted=OTHER.name))
    [finding] = [finding for finding in found.findings if finding.subject == "group1 listing"]
    assert finding == Finding(
        "group1 listing",
        Verdict.WARNING,
        "127.0.0.4:23000: nobody answers",
        "permit this host in 'allow_hosts' of storage.conf, or plan from ids or data folders",
    )


async def test_trackers_that_do_not_answer_close_the_gate() -> None:
    found = await looked_at(Source(error=DOWN))
    assert of(found, "trackers") == [(Verdict.GATE, "nobody answers")]
    assert found.findings[0].mend
    assert not found.passed
    assert found.abilities == ABLE, "the other side is looked at all the same"


async def test_a_target_that_does_not_answer_closes_the_gate() -> None:
    found = await looked_at(Source(HEALTHY), MemoryTarget(refuses=DOWN))
    assert of(found, "target") == [(Verdict.GATE, "nobody answers")]
    assert (found.passed, found.abilities) == (False, None)


@pytest.mark.parametrize(
    ("lacks", "subject", "verdict"),
    [
        ({"writable": False}, "target: write and delete", Verdict.GATE),
        ({"shows_missing": False}, "target: a missing object shows as NoSuchKey", Verdict.GATE),
        ({"checks_crc32": False}, "target: checks CRC-32", Verdict.FALLBACK),
        ({"checks_whole": False}, "target: checks the CRC-32 of a whole multipart upload", Verdict.FALLBACK),
        ({"refuses_overwriting": False}, "target: refuses to overwrite (If-None-Match)", Verdict.FALLBACK),
    ],
)
async def test_what_a_target_lacks_is_named(lacks: dict[str, bool], subject: str, verdict: Verdict) -> None:
    able: TargetAbilities = replace(ABLE, **lacks)
    found = await looked_at(Source(HEALTHY), MemoryTarget(abilities=able))
    [finding] = [finding for finding in found.findings if finding.verdict is not Verdict.FINE]
    assert (finding.subject, finding.verdict, finding.says) == (subject, verdict, "does not work")
    assert finding.mend
    assert found.passed is (verdict is Verdict.FALLBACK)
    assert found.abilities == able
