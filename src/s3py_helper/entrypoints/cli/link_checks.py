"""`s3py doctor links`."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import datetime
from time import time
from typing import Final
from urllib.parse import quote, unquote

from s3py_helper.application.info import InfoService
from s3py_helper.application.services import FileServices
from s3py_helper.domain.errors import FileNotFoundException, InvalidArgumentException, StorageException
from s3py_helper.domain.fastdfs_link import LinkPath, LinkQuery, parse_link_path, parse_link_query
from s3py_helper.domain.fastdfs_token import TokenVerdict
from s3py_helper.entrypoints.cli.exits import ExitCode
from s3py_helper.entrypoints.cli.migration.ids import lines_of
from s3py_helper.entrypoints.cli.output import write_line
from s3py_helper.entrypoints.cli.running import run
from s3py_helper.entrypoints.container.fastdfs_links import FastdfsLinksConfig, rules_of
from s3py_helper.entrypoints.http.problems.table import problem_of
from s3py_helper.entrypoints.settings import Settings

_LOGGED: Final = re.compile(r'"(?P<method>[A-Z]+) (?P<target>\S+) HTTP/[\d.]+"')
_ORIGIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
_LOGGED_AT: Final = re.compile(r"\[(\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4})\]")
_LOG_TIME: Final = "%d/%b/%Y:%H:%M:%S %z"
_METHODS: Final = frozenset({"GET", "HEAD"})

_AT_ONCE: Final = 256
"""Lines that are read before their files are looked for, so that a log of any size fits."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one line.

    Attributes:
        line: Its number, from 1.
        path: The link's path; without its query, which may have a token that still works.
        status: What the service would answer.
        file_id: The file, where the path names one.
        by: The backend that would answer.
        why: Why there would be no file.
    """

    line: int
    path: str
    status: int
    file_id: str | None = None
    by: str | None = None
    why: str | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A line that was understood."""

    method: str
    path: str
    query: str
    at: float


def check_links(file: str, *, every: bool, as_json: bool) -> ExitCode:
    """Write what would become of each link, and how many would be answered; 3 unless all would."""

    async def work(services: FileServices, settings: Settings) -> ExitCode:
        doctor = _Doctor(services.info_service, settings.fastdfs_links)
        counts: Counter[str] = Counter()
        answered = 0
        async for finding in doctor.findings(file, settings.concurrent_files):
            counts[finding.by or f"not answered: {finding.status}"] += 1
            answered += finding.by is not None
            if every or finding.by is None:
                write_line(_json_of(finding) if as_json else _text_of(finding))
        links = counts.total()
        told = ", ".join(f"{count} {by}" for by, count in counts.most_common())
        if as_json:
            write_line(json.dumps({"answered": answered, "links": links, "counts": counts}))
        else:
            write_line(f"{answered} of {links} links would be answered{f' ({told})' if told else ''}")
        return ExitCode.OK if answered == links else ExitCode.NOT_FOUND

    return run(work)


class _Doctor:
    """Looks at links as the service would."""

    def __init__(self, files: InfoService, config: FastdfsLinksConfig) -> None:
        self._files = files
        self._config = config
        self._rules = rules_of(config)

    async def findings(self, file: str, at_once: int) -> AsyncIterator[Finding]:
        """What would become of each line, in order."""
        gate = asyncio.Semaphore(at_once)

        async def one(number: int, line: str) -> Finding:
            async with gate:
                return await self._finding(number, line)

        lines: list[tuple[int, str]] = []
        number = 0
        async for line in lines_of(file):
            number += 1
            if line.strip():
                lines.append((number, line))
            if len(lines) == _AT_ONCE:
                for finding in await asyncio.gather(*(one(*numbered) for numbered in lines)):
                    yield finding
                lines.clear()
        for finding in await asyncio.gather(*(one(*numbered) for numbered in lines)):
            yield finding

    async def _finding(self, number: int, line: str) -> Finding:
        asked = _asked(line)
        # A log may hold anything; a terminal is not to be spoken to by it.
        path = quote(asked.path, safe="/%:@!$&'()*+,;=~")
        link = parse_link_path(unquote(asked.path))
        if link is None:
            return Finding(number, path, 404, why="no link to a file")
        if asked.method not in _METHODS:
            return Finding(number, path, 405, why=f"{asked.method} is not allowed")
        if (refused := self._token_problem(link, parse_link_query(asked.query.encode()), asked.at)) is not None:
            status, why = refused
            return Finding(number, path, status, why=why)
        try:
            file_id = self._rules.file_id_of(link)
            return Finding(number, path, 200, file_id, await self._files.find_backend(file_id))
        except (InvalidArgumentException, FileNotFoundException) as error:
            return Finding(number, path, problem_of(error).status, error.file_id, why=error.detail)
        except StorageException as error:
            return Finding(number, path, problem_of(error).status, error.file_id, why=str(error))

    def _token_problem(self, link: LinkPath, query: LinkQuery, now: float) -> tuple[int, str] | None:
        """Status and reason where the token is not right."""
        match self._rules.verdict_on(link, query, now):
            case TokenVerdict.VALID:
                return None
            case TokenVerdict.MISSING:
                return 400, "the link has no token"
            case TokenVerdict.WRONG:
                status = 400 if self._config.deny_page is None else 200 if self._config.strict else 403
                expired = self._rules.verdict_on(link, query, 0.0) is TokenVerdict.VALID
                return status, "the token has expired" if expired else "the token is wrong"


def _asked(line: str) -> _Asked:
    """A request in an access log, at its time; else the first word, as if it were asked for now."""
    logged = _LOGGED.search(line)
    target = line.split(maxsplit=1)[0] if logged is None else logged["target"]
    path, _, query = _ORIGIN.sub("", target).partition("?")
    return _Asked("GET" if logged is None else logged["method"], path, query, _time_in(line))


def _time_in(line: str) -> float:
    logged_at = _LOGGED_AT.search(line)
    try:
        return time() if logged_at is None else datetime.strptime(logged_at[1], _LOG_TIME).timestamp()  # noqa: DTZ007 - the format has a zone
    except ValueError:
        return time()


def _json_of(finding: Finding) -> str:
    return json.dumps({name: value for name, value in asdict(finding).items() if value is not None}, ensure_ascii=False)


def _text_of(finding: Finding) -> str:
    told = f"answered by {finding.by}" if finding.by else finding.why
    return f"{finding.line}: {finding.status} {finding.path}: {told}"
