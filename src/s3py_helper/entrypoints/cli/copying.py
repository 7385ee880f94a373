"""`s3py cp`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from s3py_helper.application.services import FileServices
from s3py_helper.entrypoints.cli.exits import ExitCode
from s3py_helper.entrypoints.cli.given_ids import given_ids
from s3py_helper.entrypoints.cli.output import json_line, write_line
from s3py_helper.entrypoints.cli.running import each, run
from s3py_helper.entrypoints.settings import Settings


@dataclass(frozen=True, slots=True)
class CopyOptions:
    """What the user asked for; what is `None` stays as it is."""

    name: str | None = None
    folder: str | None = None
    bucket: str | None = None
    metadata: Mapping[str, str] | None = None
    as_json: bool = False


def copy(arguments: Sequence[str], options: CopyOptions) -> ExitCode:
    """Store files a second time where new files go, and write the ids of the copies."""

    async def work(services: FileServices, settings: Settings) -> ExitCode:
        async def one(file_id: str) -> Callable[[], None]:
            attach = await services.copy_service.copy_file(
                file_id, options.name, options.folder, options.bucket, options.metadata
            )
            return lambda: write_line(json_line(attach) if options.as_json else attach.file_id)

        return await each(given_ids(arguments), one, at_once=settings.concurrent_files)

    return run(work)
