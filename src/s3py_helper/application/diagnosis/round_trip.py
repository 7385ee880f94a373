"""A file that is stored, described, read in parts, listed, copied and deleted, as every backend should be able to."""

import secrets
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final

from s3py_helper.application.copy import CopyService
from s3py_helper.application.download import DownloadService
from s3py_helper.application.info import InfoService
from s3py_helper.application.links import LinkService
from s3py_helper.application.listing import ListService
from s3py_helper.application.locator import Locator
from s3py_helper.application.ports.examined import Examination, Verdict
from s3py_helper.application.upload import UploadService
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import FileNotFoundException, IntegrityException
from s3py_helper.domain.files import FileAttach, FileBasicInfo

_NAME: Final = "s3py doctor Ü.txt"
_METADATA: Final = {"s3py-doctor": "Ü"}
_CONTENT: Final = secrets.token_bytes(70_000)
_LARGE: Final = 9 * 1024 * 1024
"""More than one part by default, and small enough for a slow line."""
_SKEW: Final = 5.0
"""A difference between two clocks, in seconds, that rounding and a slow request do not explain."""
_S3_REFUSES: Final = 15 * 60
"""Seconds of skew from which on S3 refuses signatures (RequestTimeTooSkewed)."""


class RoundTrip:
    """Tries them on the backend that takes new files, and leaves nothing behind.

    Args:
        locator: The deployment's.
        examination: Where the results go.
        clock: Gives this machine's Unix time.
    """

    def __init__(self, locator: Locator, examination: Examination, clock: Callable[[], float] = time.time) -> None:
        self._locator = locator
        self._backend = locator.backends[locator.policy.new_files]
        self._examination = examination
        self._clock = clock
        self._upload = UploadService(locator)
        self._stored: list[FileAttach] = []
        # Where only some folders are served, nothing may be tried elsewhere.
        self._folder = None if not locator.policy.folders else locator.policy.folders[0]

    async def run(self) -> FileAttach | None:
        """Try everything; returns the file that was stored, deleted by now, or `None` where none could be stored."""
        try:
            attach = await self._small_file()
            if attach is not None:
                await self._description(attach)
                await self._reading(attach)
                await self._optional_abilities(attach)
                await self._large_file()
            return attach
        finally:
            await self._upload.roll_back(self._stored)
            if self._stored:
                await self._gone()

    async def _small_file(self) -> FileAttach | None:
        with self._examination.trying("upload"):
            attach = await self._upload.upload_bytes(_NAME, _CONTENT, self._folder, metadata=_METADATA)
            self._stored.append(attach)
            return attach
        return None

    async def _description(self, attach: FileAttach) -> None:
        found: FileBasicInfo | None = None
        with self._examination.trying("description"):
            found = await InfoService(self._locator).get_file_info(attach.file_id)
            if found.file_size != len(_CONTENT):
                raise IntegrityException(f"{len(_CONTENT)} bytes were stored, it says {found.file_size}")
        if found is None:
            return
        check = self._examination.check
        lost = "the backend, or something in front of it, changes what describes a file"
        check(
            "names in any script", found.file_name == _NAME, Verdict.WARNING, f"came back as {found.file_name!r}", lost
        )
        kept = (found.metadata or {}).items() >= _METADATA.items()
        check("metadata in any script", kept, Verdict.WARNING, f"came back as {found.metadata}", lost)
        check("checksums", found.checksum is not None, Verdict.LACKS, "states none: damage shows by size only")
        self._clocks(found)

    def _clocks(self, found: FileBasicInfo) -> None:
        if found.last_modify_time is None:
            return
        skew = abs(found.last_modify_time.timestamp() - self._clock())
        self._examination.check(
            "clocks",
            skew <= _SKEW,
            Verdict.WARNING,
            f"its clock and the one here are {skew:.0f} s apart",
            f"set both by NTP: S3 refuses requests from {_S3_REFUSES} s on",
        )

    async def _reading(self, attach: FileAttach) -> None:
        service = DownloadService(self._locator)
        with self._examination.trying("download"):
            if await service.download_bytes(attach.file_id) != _CONTENT:
                raise IntegrityException("other bytes came back than were stored")
        with self._examination.trying("ranges"):
            if (
                await service.download_bytes(attach.file_id, byte_range=ByteRange(40_000, 40_009))
                != _CONTENT[40_000:40_010]
            ):
                raise IntegrityException("other bytes came back than were asked for")

    async def _optional_abilities(self, attach: FileAttach) -> None:
        lacks = "its kind of storage cannot do it"
        if self._backend.listing is None:
            self._examination.add("listing", Verdict.LACKS, lacks)
        else:
            with self._examination.trying("listing"):
                await self._listed(attach)
        with self._examination.trying("copy") as trying:
            self._stored.append(await CopyService(self._locator).copy_file(attach.file_id, folder=self._folder))
            trying.says = "by itself" if self._backend.copying is not None else "through this process"
        if self._backend.presigning is None:
            self._examination.add("links", Verdict.LACKS, lacks)
        else:
            with self._examination.trying("links") as trying:
                await LinkService(self._locator).download_link(attach.file_id)
                trying.says = "can be signed"

    async def _listed(self, attach: FileAttach) -> None:
        key = self._locator.stored(attach.file_id).file_id.key
        async with aclosing(ListService(self._locator).list_files(key)) as files:
            async for info in files:
                if info.file_id == attach.file_id:
                    return
        raise IntegrityException("a file that was stored a moment ago is not listed")

    async def _large_file(self) -> None:
        with self._examination.trying("upload of unknown size, in parts where it has them") as trying:
            self._stored.append(await self._upload.upload_stream(_NAME, _zeros(), None, self._folder))
            trying.says = f"{_LARGE // (1024 * 1024)} MiB"

    async def _gone(self) -> None:
        with self._examination.trying("delete"):
            for attach in self._stored:
                try:
                    await self._locator.stored(attach.file_id).info()
                except FileNotFoundException:
                    continue
                raise IntegrityException(f"{attach.file_id} is still there")


async def _zeros() -> AsyncGenerator[bytes]:
    for _ in range(_LARGE // (256 * 1024)):
        yield bytes(256 * 1024)
