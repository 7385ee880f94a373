"""What works, what does not, and what to do about it."""

import time
from collections.abc import Sequence

from s3py_helper.application.diagnosis.round_trip import RoundTrip
from s3py_helper.application.health import HealthService
from s3py_helper.application.locator import Locator
from s3py_helper.application.migration import preflight
from s3py_helper.application.ports.examined import Examination, Examined, Verdict
from s3py_helper.application.ports.migration_target import TargetAbilities
from s3py_helper.domain.errors import AccessDeniedException, StorageException

_AS_VERDICT = {
    preflight.Verdict.FINE: Verdict.WORKS,
    preflight.Verdict.FALLBACK: Verdict.LACKS,
    preflight.Verdict.WARNING: Verdict.WARNING,
    preflight.Verdict.GATE: Verdict.FAILS,
}


class DiagnosisService:
    """Tries what each backend can do, on files of its own that it removes again."""

    def __init__(self, locator: Locator) -> None:
        self._locator = locator

    async def examine(self) -> Sequence[Examined]:
        """Try everything; takes seconds, moves some 20 MiB, and does not raise when a backend fails."""
        report = await HealthService(self._locator).report()
        found: list[Examined] = []
        for backend in self._locator.backends:
            error = report.errors.get(backend)
            alone = await self._examine_alone(backend, error)
            if error is not None and not (isinstance(error, AccessDeniedException) and _some_work(alone)):
                found.append(Examined(backend, "reached", Verdict.FAILS, str(error), error=error))
                continue
            examination = Examination(backend)
            examination.add("reached", Verdict.WORKS)
            examination.found += alone
            await self._examine(examination)
            found += examination.found
        return found

    async def _examine_alone(self, backend: str, error: StorageException | None) -> Sequence[Examined]:
        """What the backend tries by itself; nothing where it takes no new files, or cannot be reached at all."""
        own = self._locator.backends[backend].examination
        if own is None or backend != self._locator.policy.new_files:
            return []
        if error is not None and not isinstance(error, AccessDeniedException):
            return []
        folders = self._locator.policy.folders
        return await own.examine(folders[0] if folders else "")

    async def _examine(self, examination: Examination) -> None:
        backend = self._locator.backends[examination.backend]
        if backend.migration_source is not None:
            for finding in await preflight.look_at_source(backend.migration_source, time.time()):
                verdict = _AS_VERDICT[finding.verdict]
                examination.add(finding.subject, verdict, finding.says, finding.mend)
        if examination.backend != self._locator.policy.new_files:
            return
        attach = await RoundTrip(self._locator, examination).run()
        if attach is None or backend.migration_target is None:
            return
        file_id = self._locator.stored(attach.file_id).file_id
        front = file_id.key.removesuffix(file_id.key.rpartition("/")[2])
        try:
            _tell(await backend.migration_target(file_id.bucket).probe(front), examination)
        except StorageException as error:
            examination.found.append(
                Examined(examination.backend, "conditional writes", Verdict.FAILS, error.message, error=error)
            )


def _some_work(found: Sequence[Examined]) -> bool:
    """Whether single permissions are missing, rather than the keys being wrong."""
    return any(each.verdict is Verdict.WORKS for each in found)


def _tell(abilities: TargetAbilities, examination: Examination) -> None:
    examination.check(
        "a wrong CRC-32 is refused",
        abilities.checks_crc32,
        Verdict.LACKS,
        "damage on the way shows when files are read",
    )
    examination.check(
        "the CRC-32 of a whole upload in parts is compared", abilities.checks_whole, Verdict.LACKS, "each part's is"
    )
    examination.check(
        "conditional writes",
        abilities.refuses_overwriting,
        Verdict.LACKS,
        "If-None-Match is not heeded: a migration into this bucket relies on its ledger alone",
    )
    examination.check(
        "a missing file is told from a refusal",
        abilities.shows_missing,
        Verdict.WARNING,
        "it says that access is denied",
        "grant s3:ListBucket on the bucket",
    )
