"""`s3py` in a process that ends without a word at a point of one's choice: `python -m ... POINT WHEN NUMBER ARGUMENTS`.

POINT is a method of the ledger or of the target, WHEN is `before` or `after`, NUMBER counts its calls as they begin or
as they end: of several at once, the second to begin may be the last to end.
"""

import os
import sys
from itertools import count
from typing import Any, Final

from s3py_helper.adapters.postgres.ledger import PostgresLedger
from s3py_helper.adapters.s3.migration_target import S3MigrationTarget
from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.migration import applying
from s3py_helper.entrypoints.cli import main

DIED: Final = 86


def die_at(owner: type, method: str, when: str, number: int) -> None:
    real = getattr(owner, method)
    begun, ended = count(1), count(1)

    async def dying(*arguments: Any, **named: Any) -> Any:
        if when == "before" and next(begun) == number:
            os._exit(DIED)
        result = await real(*arguments, **named)
        if when == "after" and next(ended) == number:
            os._exit(DIED)
        return result

    setattr(owner, method, dying)


if __name__ == "__main__":
    _, point, moment, nth, *rest = sys.argv
    if lease := os.environ.get("LEASE_SECONDS"):
        setattr(applying, "LEASE_SECONDS", float(lease))  # noqa: B010 - to others it is final
    for owner in [S3MigrationTarget] if hasattr(S3MigrationTarget, point) else [SqliteLedger, PostgresLedger]:
        die_at(owner, point, moment, int(nth))
    sys.argv = ["s3py", *rest]
    main()
