"""`s3py ls`."""

from contextlib import aclosing
from dataclasses import dataclass

from s3py_helper.application.services import FileServices
from s3py_helper.domain.files import FileBasicInfo
from s3py_helper.entrypoints.cli.exits import ExitCode
from s3py_helper.entrypoints.cli.output import json_line, write_line
from s3py_helper.entrypoints.cli.running import run
from s3py_helper.entrypoints.settings import Settings


@dataclass(frozen=True, slots=True)
class ListOptions:
    """What the user asked for."""

    bucket: str | None = None
    long: bool = False
    as_json: bool = False


def list_files(prefix: str, options: ListOptions) -> ExitCode:
    """Write the ids of files whose keys begin with the prefix, as the backend gives them."""

    async def work(services: FileServices, _settings: Settings) -> ExitCode:
        async with aclosing(services.list_service.list_files(prefix, options.bucket)) as files:
            async for info in files:
                write_line(_line(info, options))
        return ExitCode.OK

    return run(work)


def _line(info: FileBasicInfo, options: ListOptions) -> str:
    if options.as_json:
        return json_line(info)
    if not options.long:
        return info.file_id
    stored = "" if info.last_modify_time is None else info.last_modify_time.astimezone().isoformat(" ", "seconds")
    return f"{info.file_size or 0:>15}  {stored:25}  {info.file_id}"
