"""Commands of `s3py migrate` that run on many hosts. What they do is imported when one is run."""

from typing import Annotated

import typer

from s3py_helper.entrypoints.cli.migrate import AsJson, Each, Group, Ledger, migrate

__all__ = ["migrate"]

Broker = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Carries shards: nats://HOST:4222, redis://HOST:6379/0; needs a supervisor."),
]
Watch = Annotated[bool, typer.Option("--watch", help="Go on with what turns up.")]


@migrate.command()
def worker(
    broker: Broker = None,
    concurrency: Annotated[int | None, typer.Option(help="Small files at once.", min=1)] = None,
    group: Group = None,
    watch: Watch = False,  # noqa: FBT002 - typer calls it
    ledger: Ledger = None,
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
    each: Each = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Copy beside workers of other hosts, also after outages of ledger or broker. Ctrl-C does what it does to apply."""
    from s3py_helper.entrypoints.cli.migration import copying  # noqa: PLC0415 - see above
    from s3py_helper.entrypoints.cli.migration.command import Command  # noqa: PLC0415 - see above

    choices = copying.ApplyChoices(concurrency, None, None, None, None, group, watch=watch)
    raise typer.Exit(
        copying.work(Command("worker", ledger, as_json, each, broker=broker, waits_for_ledger=True), choices)
    )


@migrate.command()
def supervisor(
    broker: Broker = None,
    group: Group = None,
    watch: Watch = False,  # noqa: FBT002 - typer calls it
    ledger: Ledger = None,
    as_json: AsJson = False,  # noqa: FBT002 - typer calls it
) -> None:
    """Put shards that have work and no worker into the broker, again and again; copies nothing itself."""
    from s3py_helper.entrypoints.cli.migration import copying  # noqa: PLC0415 - see above
    from s3py_helper.entrypoints.cli.migration.command import Command  # noqa: PLC0415 - see above

    command = Command("supervisor", ledger, as_json, broker=broker, waits_for_ledger=True)
    raise typer.Exit(copying.supervise(command, group, watch=watch))
