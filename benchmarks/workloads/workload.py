"""A workload: a task with its parameters, done by several subjects on the same server."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.child.measuring import ALL_OPERATIONS, Sample
from benchmarks.child.originals import Originals
from benchmarks.child.store import Target
from benchmarks.child.tasks import large
from benchmarks.harness.environments import ROOT, python_of
from benchmarks.harness.servers import Servers
from benchmarks.results.report import Unit

_SECONDS = 600

type Parameters = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is measured.

    Attributes:
        name: What tables call it.
        environment: Which environment it runs in.
        driver: Module of `benchmarks.drivers`, and the function that opens its store.
        package: What to show the version of; empty for what is no package.
    """

    name: str
    environment: str
    driver: str
    package: str = "s3py-helper"


type Measure = Callable[[Subject], list[Sample]]
"""Lets a subject do the work once, in fresh processes. What it raises counts as the subject's failure."""


@dataclass(frozen=True, slots=True)
class Workload:
    """Attributes:
    name: What the command line calls it.
    title: What tables call it.
    subjects: Who does it; the first is s3py-helper.
    task: Module of `benchmarks.child.tasks`, and its function.
    server: The kind of server: `s3`, `fastdfs`, `both`, `postgres` or `memory`.
    extra: Takes long or much room: only done when it is asked for by name.
    uvloop: Whether what is measured in a process of its own runs on uvloop.
    repeats_itself: Does everything several times by itself, because getting ready takes long: one repetition is enough.
    """

    name: str
    title: str
    unit: Unit
    subjects: tuple[Subject, ...]
    task: str
    parameters: Parameters
    server: str = "s3"
    extra: bool = False
    uvloop: bool = False
    repeats_itself: bool = False

    @contextmanager
    def ready(self, servers: Servers) -> Iterator[Measure]:
        """Prepares what all subjects share in one run."""

        def measure(subject: Subject) -> list[Sample]:
            with servers.target(self.server) as target:
                return self._job(subject, target, servers)

        if self.task not in {"archive.run", "large.down"}:
            yield measure
            return
        with servers.target(self.server) as shared:
            self._fill(servers, shared)
            yield lambda subject: self._job(subject, shared, servers)

    def parameters_for(self, subject: Subject) -> Parameters:  # noqa: ARG002 - all alike, here
        return self.parameters

    def _fill(self, servers: Servers, target: Target) -> None:
        """Store what every subject reads."""
        name, size = large.NAME, self.parameters["size"]
        if self.task == "archive.run":
            originals = Originals(**self.parameters)
            if len(originals.names) > 1:
                return servers.put_all(target, originals)
            name = originals.names[0]
        return servers.put_large(target, name, size)

    def _job(self, subject: Subject, target: Target, servers: Servers) -> list[Sample]:
        """What a fresh process measures; its failure or its silence is a sample, too."""
        job = {
            "driver": subject.driver,
            "task": self.task,
            "target": target,
            "parameters": self.parameters_for(subject),
            "uvloop": self.uvloop,
        }
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
        environment |= {"PYTHONPATH": str(ROOT), "TMPDIR": str(servers.scratch)}
        # A peer must not look for credentials on the network or in the user's home.
        environment |= {"AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nonexistent"}
        command = (str(python_of(subject.environment)), "-m", "benchmarks.child")
        try:
            done = subprocess.run(  # noqa: PLW1510 - how it ended is looked at below
                command, input=json.dumps(job), env=environment, timeout=_SECONDS, capture_output=True, text=True
            )
        except subprocess.TimeoutExpired:
            return [Sample(ALL_OPERATIONS, error=f"no answer within {_SECONDS} s")]
        if done.returncode or not done.stdout:
            return [Sample(ALL_OPERATIONS, error=f"the process ended with {done.returncode}: {done.stderr[-300:]}")]
        return [Sample(**sample) for sample in json.loads(done.stdout)]
