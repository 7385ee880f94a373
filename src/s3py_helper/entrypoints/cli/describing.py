"""`s3py info` and `s3py delete`."""

import json
from collections.abc import Callable, Sequence

from s3py_helper.application.services import FileServices
from s3py_helper.domain.files import FileBasicInfo
from s3py_helper.entrypoints.cli.exits import ExitCode
from s3py_helper.entrypoints.cli.given_ids import given_ids
from s3py_helper.entrypoints.cli.output import json_line, write_line
from s3py_helper.entrypoints.cli.running import each, run
from s3py_helper.entrypoints.settings import Settings


def info(arguments: Sequence[str], *, as_json: bool) -> ExitCode:
    """Write what is known of files."""

    async def work(services: FileServices, settings: Settings) -> ExitCode:
        async def one(file_id: str) -> Callable[[], None]:
            found = await services.info_service.get_file_info(file_id)
            return lambda: write_line(json_line(found) if as_json else _block(found))

        return await each(given_ids(arguments), one, at_once=settings.concurrent_files)

    return run(work)


def delete(arguments: Sequence[str], *, as_json: bool) -> ExitCode:
    """Remove files, and write which are gone."""

    async def work(services: FileServices, settings: Settings) -> ExitCode:
        async def one(file_id: str) -> Callable[[], None]:
            await services.delete_service.delete_file(file_id)
            return lambda: write_line(_deleted(file_id) if as_json else file_id)

        return await each(given_ids(arguments), one, at_once=settings.concurrent_files)

    return run(work)


def _deleted(file_id: str) -> str:
    return json.dumps({"file_id": file_id, "deleted": True}, ensure_ascii=False)


def _block(found: FileBasicInfo) -> str:
    """`name: value` lines, and an empty one that sets the next file apart."""
    facts = found.model_dump(mode="json", exclude_none=True, exclude={"metadata"})
    lines = [f"{name}: {value}" for name, value in facts.items()]
    lines += [f"metadata {name}: {value}" for name, value in (found.metadata or {}).items()]
    return "\n".join(lines) + "\n"
