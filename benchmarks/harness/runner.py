"""Lets the subjects of a workload take turns: A B C, B C A, C A B ..."""

import os
import platform
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from benchmarks.child.measuring import ALL_OPERATIONS, Sample, described
from benchmarks.harness.environments import ROOT, python_of, version_of
from benchmarks.harness.servers import Servers
from benchmarks.results.report import Report, SubjectOutcome, outcomes
from benchmarks.workloads.workload import Measure, Subject, Workload


def run(workload: Workload, servers: Servers, repetitions: int) -> Report:
    """Measure everybody, side by side."""
    subjects = workload.subjects
    repetitions = 1 if workload.repeats_itself else repetitions
    for subject in subjects:
        python_of(subject.environment)
    facts: dict[str, Any] = {
        "server": servers.description_of(workload.server),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _git("rev-parse", "--short=12", "HEAD") + "+changes" * bool(_git("status", "--porcelain", "src")),
        "repetitions": repetitions,
        "system": f"Python {platform.python_version()}, {platform.system()} {platform.release()}",
        "load_average": round(os.getloadavg()[0], 2),
    }
    samples: dict[str, list[Sample]] = defaultdict(list)
    with workload.ready(servers) as measure:
        for repetition in range(repetitions):
            # Nobody always follows the same neighbour's rubbish.
            first = repetition % len(subjects)
            for subject in subjects[first:] + subjects[:first]:
                samples[subject.name] += _measured(measure, subject)
                print(f"{workload.name} {repetition + 1}/{repetitions} {subject.name}", file=sys.stderr, flush=True)
    facts["load_average_after"] = round(os.getloadavg()[0], 2)
    operations = list(dict.fromkeys(sample.operation for taken in samples.values() for sample in taken))
    found = [
        SubjectOutcome(
            name=subject.name,
            version=version_of(subject.package, subject.environment),
            operations=outcomes(samples[subject.name], operations, workload.unit),
        )
        for subject in subjects
    ]
    return Report(workload=workload.name, title=workload.title, unit=workload.unit, facts=facts, subjects=found)


def _measured(measure: Measure, subject: Subject) -> list[Sample]:
    try:
        return measure(subject)
    except Exception as error:  # noqa: BLE001 - a wrong result is found after the job, and is a failure like others
        return [Sample(ALL_OPERATIONS, error=described(error))]


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
