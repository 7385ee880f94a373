"""`python -m tests.support.rehearsal`: a migration rehearsed on servers of this machine."""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

from tests.support.brokers.broker import BROKERS
from tests.support.fastdfs.child_site import ChildSite
from tests.support.fastdfs.daemons import LocalDaemon, installed_version
from tests.support.fastdfs.real_site import RealSite
from tests.support.fastdfs.site import FastdfsSite
from tests.support.postgres.server import installed, postgres_process
from tests.support.rehearsal.between import Between, DatabaseReader, FileReader, LedgerReader
from tests.support.rehearsal.rehearsal import Options, Rehearsal
from tests.support.s3.seaweedfs import seaweedfs_process, weed_binary

_BEGAN = time.monotonic()


def main() -> int:
    usual = Options()
    parser = argparse.ArgumentParser(prog="python -m tests.support.rehearsal", description=__doc__)
    parser.add_argument("--files", type=int, default=usual.files, help="old files (default: %(default)s)")
    parser.add_argument("--workers", type=int, default=usual.workers, help="processes that copy side by side")
    parser.add_argument("--kill-seconds", type=float, default=usual.kill_seconds, help="kill one so often")
    parser.add_argument("--lease-seconds", type=float, help="how long a killed worker keeps its files (default: 60)")
    parser.add_argument("--reads-per-second", type=float, default=usual.reads_per_second)
    parser.add_argument("--broker", choices=BROKERS, help="what carries shards; it loses everything in the middle")
    parser.add_argument("--ledger", choices=["sqlite", "postgresql"], default="sqlite", help="(default: %(default)s)")
    given = vars(parser.parse_args())
    carrier: str | None = given.pop("broker")
    ledger: str = given.pop("ledger")
    options = Options(**given)
    weed = weed_binary()
    if weed is None:
        sys.stderr.write("there is no SeaweedFS for this platform\n")
        return 2
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="s3py-rehearsal-")))
        for name in ("fastdfs", "seaweedfs", "commands", "broker"):
            (folder / name).mkdir()
        broker = None if carrier is None else opened.enter_context(BROKERS[carrier].running(folder / "broker"))
        between = Between(_ledger(ledger, folder / "commands", opened), broker)
        site = opened.enter_context(closing(_site(folder / "fastdfs")))
        server = opened.enter_context(seaweedfs_process(weed, folder / "seaweedfs"))
        _say(f"FastDFS: {site.description}; S3: {server.name}; ledger: {between.description}")
        figures = asyncio.run(Rehearsal(site, server, folder / "commands", options, _say, between).run())
    sys.stdout.write(json.dumps(figures.as_dict(), indent=2, ensure_ascii=False) + "\n")
    _say("clean" if figures.is_clean else "NOT CLEAN")
    return 0 if figures.is_clean else 1


def _ledger(kind: str, folder: Path, opened: ExitStack) -> LedgerReader:
    if kind == "sqlite":
        return FileReader(folder / "ledger.db")
    binaries = installed()
    if binaries is None:
        raise SystemExit("there is no PostgreSQL for this platform")
    return DatabaseReader(opened.enter_context(postgres_process(binaries)))


def _site(folder: Path) -> FastdfsSite:
    if version := installed_version():
        return RealSite(f"real {version}", folder, LocalDaemon)
    return ChildSite("protocol-level test server")


def _say(line: str) -> None:
    sys.stderr.write(f"{time.monotonic() - _BEGAN:8.1f} s  {line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
