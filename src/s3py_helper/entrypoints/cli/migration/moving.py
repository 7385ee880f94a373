"""`s3py migrate ledger copy`."""

import asyncio
import json

from s3py_helper.entrypoints.cli.exits import HANDLED, ExitCode, reported
from s3py_helper.entrypoints.cli.output import write_line
from s3py_helper.entrypoints.container.ledger_copies import copy_ledger_to


def copy(origin: str, destination: str, *, as_json: bool) -> ExitCode:
    """Copy a ledger, and write what was copied, by table."""
    try:
        copied = asyncio.run(copy_ledger_to(origin, destination))
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except HANDLED as error:
        return reported(error)
    for name, table in copied.items():
        facts = {"type": "table", "name": name, "rows": table.rows, "sha256": table.digest}
        write_line(json.dumps(facts) if as_json else f"{name:8} {table.rows:>12} rows  sha256:{table.digest}")
    return ExitCode.OK
