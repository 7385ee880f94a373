"""What has to be true before anything is copied, found out by trying."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from s3py_helper.application.ports.migration_source import MigrationSource, SourceGroup
from s3py_helper.application.ports.migration_target import MigrationTarget, TargetAbilities
from s3py_helper.domain.errors import StorageException

_LAG_SECONDS: Final = 60
"""A replica that is this far behind its peers has stopped following, or is about to; V6.08 pauses for up to 60 s."""

_SKEW_SECONDS: Final = 120
"""Servers give a sign of life every half minute by default; signed requests are refused from 15 minutes on."""

_LITTLE_ROOM: Final = 1 << 30
"""Bytes. A storage server unpacks its old records to be listed; a ledger takes about 300 bytes for a file."""


class Verdict(StrEnum):
    """What a finding means for the migration."""

    FINE = "fine"
    FALLBACK = "fallback"
    """Works in another way, which every report names."""
    WARNING = "warning"
    GATE = "gate"
    """Nothing is copied before this is repaired."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        subject: What.
        verdict: What it means.
        says: What was seen.
        mend: What to do about it; empty where nothing needs doing.
    """

    subject: str
    verdict: Verdict
    says: str
    mend: str = ""


@dataclass(frozen=True, slots=True)
class Preflight:
    """All findings.

    Attributes:
        findings: In the order in which they were made.
        abilities: What the target was seen to do; `None` where it could not be tried.
    """

    findings: tuple[Finding, ...]
    abilities: TargetAbilities | None

    @property
    def passed(self) -> bool:
        """Whether no gate is closed."""
        return all(finding.verdict is not Verdict.GATE for finding in self.findings)


async def preflight(
    source: MigrationSource,
    target: MigrationTarget,
    prefix: str,
    *,
    ledger_room: int | None = None,
    clock: Callable[[], float] = time.time,
) -> Preflight:
    """Look at both sides; writes nothing but objects of its own below the prefix, and removes them again."""
    findings = await look_at_source(source, clock())
    if ledger_room is not None:
        findings.append(_room_of("ledger", ledger_room))
    abilities = await _look_at_target(target, prefix, findings)
    return Preflight(tuple(findings), abilities)


async def look_at_source(source: MigrationSource, now: float) -> list[Finding]:
    """The servers of each group, and whether they let this host list them; writes nothing."""
    try:
        groups = await source.groups()
    except StorageException as error:
        return [Finding("trackers", Verdict.GATE, error.message, "start a tracker, or correct the tracker addresses")]
    findings = [_clock_of(groups, now)]
    for group in groups:
        findings += _servers_of(group, now)
        findings.append(await _listing_of(source, group))
    return findings


def _servers_of(group: SourceGroup, now: float) -> list[Finding]:
    findings: list[Finding] = []
    for server in group.servers:
        subject = f"{group.name} {server.name}"
        if not server.active:
            findings.append(
                Finding(subject, Verdict.WARNING, "is not active", "start it: what it alone holds cannot be copied")
            )
        elif server.synced_until == 0:
            says = "has followed none of its peers' changes yet"
            findings.append(Finding(subject, Verdict.WARNING, says, "look at its log for sync errors"))
        elif server.synced_until is not None and now - server.synced_until > _LAG_SECONDS:
            behind = round(now - server.synced_until)
            findings.append(
                Finding(subject, Verdict.WARNING, f"is {behind} s behind its peers", "look at its log for sync errors")
            )
        else:
            findings.append(Finding(subject, Verdict.FINE, f"version {server.version}, {server.files} files"))
        if server.free_bytes < _LITTLE_ROOM:
            findings.append(_room_of(subject, server.free_bytes))
    return findings


def _room_of(subject: str, free: int) -> Finding:
    says = f"{free >> 20} MiB are free"
    if free < _LITTLE_ROOM:
        return Finding(f"{subject} room", Verdict.WARNING, says, "make room, 1 GiB at least")
    return Finding(f"{subject} room", Verdict.FINE, says)


def _clock_of(groups: Sequence[SourceGroup], now: float) -> Finding:
    """Leases, grace periods and signatures go by the clock of this host."""
    heard = [server.heard_at for group in groups for server in group.servers if server.active and server.heard_at]
    skew = now - max(heard, default=now)
    if abs(skew) > _SKEW_SECONDS:
        says = f"is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the trackers'"
        return Finding("clock", Verdict.WARNING, says, "let both hosts follow one source of time")
    return Finding("clock", Verdict.FINE, "agrees with the trackers'")


async def _listing_of(source: MigrationSource, group: SourceGroup) -> Finding:
    """Whether the servers let this host list them (`allow_hosts`)."""
    subject = f"{group.name} listing"
    for server in group.servers:
        try:
            async with source.listing(group.name, server.name, 0):
                pass  # it has begun: reading on would make the server scan all its records
        except StorageException as error:
            return Finding(
                subject,
                Verdict.WARNING,
                f"{server.name}: {error.message}",
                "permit this host in 'allow_hosts' of storage.conf, or plan from ids or data folders",
            )
    return Finding(subject, Verdict.FINE, "all servers can be listed")


async def _look_at_target(target: MigrationTarget, prefix: str, findings: list[Finding]) -> TargetAbilities | None:
    try:
        abilities = await target.probe(prefix)
    except StorageException as error:
        findings.append(Finding("target", Verdict.GATE, error.message, "correct endpoint, keys, bucket or permissions"))
        return None
    findings += [
        _tried(
            "target: write and delete",
            abilities.writable,
            Verdict.GATE,
            "grant PutObject, GetObject and DeleteObject",
        ),
        _tried(
            "target: a missing object shows as NoSuchKey",
            abilities.shows_missing,
            Verdict.GATE,
            "grant s3:ListBucket: without it a missing object is refused, and nothing falls through to FastDFS",
        ),
        _tried(
            "target: checks CRC-32",
            abilities.checks_crc32,
            Verdict.FALLBACK,
            "every copy is read back and compared: twice the traffic",
        ),
        _tried(
            "target: checks the CRC-32 of a whole multipart upload",
            abilities.checks_whole,
            Verdict.FALLBACK,
            "large copies are read back and compared",
        ),
        _tried(
            "target: refuses to overwrite (If-None-Match)",
            abilities.refuses_overwriting,
            Verdict.FALLBACK,
            "the ledger alone keeps two workers apart: never use two ledgers for one bucket and prefix",
        ),
    ]
    return abilities


def _tried(subject: str, works: bool, otherwise: Verdict, mend: str) -> Finding:  # noqa: FBT001 - one fact, one flag
    return Finding(subject, Verdict.FINE, "works") if works else Finding(subject, otherwise, "does not work", mend)
