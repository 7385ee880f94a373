"""One command of `s3py migrate` as it was typed, and how it is run."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from s3py_helper.application.migration.migration import Migration
from s3py_helper.application.services import FileServices
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.entrypoints.cli.exits import ExitCode
from s3py_helper.entrypoints.cli.migration.output import Output
from s3py_helper.entrypoints.cli.running import NewLoop, run
from s3py_helper.entrypoints.container.config import KitConfig, MigrationConfig
from s3py_helper.entrypoints.settings import Settings


@dataclass(frozen=True, slots=True)
class Command:
    """What all commands have in common.

    Attributes:
        verb: Its name.
        ledger: The ledger that was named; by default that of the settings.
        as_json: Whether programs read its output.
        each: Whether there is a line for every file, not only for failures.
        makes_ledger: Whether the ledger may be a new one.
        broker: The broker that was named; by default that of the settings.
        waits_for_ledger: Whether nobody sits before it: then it waits for a ledger whose database is being restarted.
    """

    verb: str
    ledger: str | None
    as_json: bool
    each: bool = False
    makes_ledger: bool = False
    broker: str | None = None
    waits_for_ledger: bool = False

    def run(self, work: Callable[[Migration, Output], Awaitable[ExitCode]]) -> ExitCode:
        """Do the work; with `--json` the last line is a summary, whatever happened."""
        output = Output(self.verb, as_json=self.as_json, each=self.each)

        async def with_services(services: FileServices, _settings: Settings) -> ExitCode:
            if services.migration is None:
                raise InvalidArgumentException("this deployment takes part in no migration")
            return await work(services.migration, output)

        code = run(with_services, configure=self._configured, new_loop=fast_loop())
        output.end(code)
        return code

    def _configured(self, settings: Settings) -> KitConfig:
        config = settings.kit_config()
        migration = settings.migration or MigrationConfig()
        if self.ledger is not None:
            migration = migration.model_copy(update={"ledger": self.ledger})
        if self.broker is not None:
            migration = migration.model_copy(update={"broker": self.broker})
        return replace(
            config,
            migration=migration,
            makes_ledger=self.makes_ledger,
            waits_for_ledger=self.waits_for_ledger,
        )


def fast_loop() -> NewLoop | None:
    """Makes uvloop's event loop, where that is installed: on it a small file takes a sixth less processor time."""
    try:
        import uvloop  # noqa: PLC0415 - the extra `fast`
    except ImportError:
        return None
    return uvloop.new_event_loop
