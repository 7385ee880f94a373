"""Links of FastDFS' nginx module: by the service, by a route over the incumbent, and the library's reads alone."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, override

from benchmarks.child.content import Pattern
from benchmarks.child.measuring import Sample
from benchmarks.child.store import Target
from benchmarks.harness.environments import OURS, python_of
from benchmarks.harness.servers import Servers
from benchmarks.workloads.http_reads import HttpReads, uvicorn_command
from benchmarks.workloads.processes import SERVICE, curl, running, service_command, service_settings
from benchmarks.workloads.workload import Measure, Subject
from tests.support.s3.ready import free_ports

INCUMBENT_ROUTE: Final = Subject("FastAPI, s3py-helper 0.0.17", "incumbent", "", "s3py-helper")
READS: Final = Subject("the library alone", OURS, "old_links.open_store")

_PLAIN: Final = "plain.bin"


class OldLinks(HttpReads):
    """A link again and again. Its file lies in FastDFS, or has moved to S3 where the kind of server is `both`."""

    @override
    @contextmanager
    def ready(self, servers: Servers) -> Iterator[Measure]:
        from benchmarks.drivers import old_links  # noqa: PLC0415 - what imports the library makes listing slow

        content = Pattern().at(0, self.parameters["size"])
        with servers.target(self.server) as target:
            if self.server == "both":
                target |= {"ledger": str(servers.scratch / "ledger.db")}
                servers.put_all(target, [(_PLAIN, content)])
            link = old_links.stored(target, content)

            def measure(subject: Subject) -> list[Sample]:
                if subject is READS:
                    return self._job(subject, target | {"link": link}, servers)
                with _server(subject, target, servers.scratch) as (url, pid):
                    path = f"s3:{target['bucket']}/{_PLAIN}" if _reads_s3(subject, target) else link
                    if curl(f"{url}/{path}") != content:
                        raise ValueError("other bytes came back")
                    return [self._measured(f"{url}/{path}", pid)]

            yield measure


def _reads_s3(subject: Subject, target: Target) -> bool:
    """Whether the subject knows the file by its place on S3: the incumbent has no files that have moved."""
    return subject is INCUMBENT_ROUTE and "ledger" in target


@contextmanager
def _server(subject: Subject, target: Target, folder: Path) -> Iterator[tuple[str, int]]:
    (port,) = free_ports(1)
    if subject is SERVICE:
        command, environment = service_command(port), _settings(target)
    else:
        kind = "s3" if "ledger" in target else "fastdfs"
        command = uvicorn_command(python_of(subject.environment), "incumbent_route", port)
        environment = {"TARGET": json.dumps(target | {"kind": kind})}
    with running(command, environment, port, "openapi.json", folder / "links.log") as server:
        yield server


def _settings(target: Target) -> dict[str, str]:
    settings = {
        "S3PY_MODE": "fastdfs",
        "S3PY_FASTDFS__TRACKER_SERVERS": target["tracker"],
        "S3PY_FASTDFS_LINKS__ENABLED": "true",
    }
    if "ledger" not in target:
        return settings
    return settings | service_settings(target) | {"S3PY_MODE": "hybrid", "S3PY_MIGRATION__LEDGER": target["ledger"]}
