"""`s3py health`."""

import json

from s3py_helper.application.health import HealthReport
from s3py_helper.application.services import FileServices
from s3py_helper.entrypoints.cli.exits import ExitCode, exit_code
from s3py_helper.entrypoints.cli.hints import hint
from s3py_helper.entrypoints.cli.output import write_line
from s3py_helper.entrypoints.cli.running import run
from s3py_helper.entrypoints.settings import Settings


def health(*, as_json: bool) -> ExitCode:
    """Write how each backend is; the code is that of the one that takes new files."""

    async def work(services: FileServices, _settings: Settings) -> ExitCode:
        report = await services.health_service.report()
        for backend in report.problems:
            write_line(_as_json(report, backend) if as_json else _line(report, backend))
        error = report.errors.get(report.takes_new_files)
        return ExitCode.OK if error is None else exit_code(error)

    return run(work)


def _line(report: HealthReport, backend: str) -> str:
    error = report.errors.get(backend)
    is_destination = backend == report.takes_new_files
    if error is None:
        return f"{backend}: fine{', takes new files' if is_destination else ''}"
    return f"{backend}: {'takes no new files: ' if is_destination else ''}{error}{hint(error, backend)}"


def _as_json(report: HealthReport, backend: str) -> str:
    facts = {
        "backend": backend,
        "healthy": backend not in report.errors,
        "takes_new_files": backend == report.takes_new_files,
        "problem": report.problems[backend],
    }
    return json.dumps(facts, ensure_ascii=False)
