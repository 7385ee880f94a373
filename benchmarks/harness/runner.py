"""Lets the subjects of a workload take turns: A B C, B C A, C A B ..."""

import sys
from collections import defaultdict

from benchmarks.child.sample import Sample, described
from benchmarks.harness.bench import Bench
from benchmarks.harness.environments import python_of, versions_in
from benchmarks.harness.facts import facts_of_run
from benchmarks.harness.process import ALL_OPERATIONS
from benchmarks.harness.results import Outcome, Report, SubjectOutcome
from benchmarks.harness.subjects import Subject
from benchmarks.workloads.workload import Measure, Unit, Workload


def run(workload: Workload, bench: Bench) -> Report:
    """Measure everybody, side by side."""
    for subject in workload.subjects:
        python_of(subject.environment)
    facts = facts_of_run(bench.options)
    samples: dict[str, list[Sample]] = defaultdict(list)
    facts["server"] = bench.description_of(workload.server)
    with workload.ready(bench) as measure:
        for repetition in range(bench.options.repetitions):
            for subject in _in_turn(workload.subjects, repetition):
                samples[subject.name] += _measured(measure, subject)
                _say(f"{workload.name} {repetition + 1}/{bench.options.repetitions} {subject.name}")
    facts["load_average_after"] = facts_of_run(bench.options)["load_average"]
    operations = list(dict.fromkeys(s.operation for taken in samples.values() for s in taken))
    return Report(
        workload=workload.name,
        title=workload.title,
        unit=workload.unit,
        facts=facts,
        subjects=[
            SubjectOutcome(
                subject.name,
                subject.role,
                _version(subject),
                outcomes(samples[subject.name], operations, workload.unit),
            )
            for subject in workload.subjects
        ],
    )


def outcomes(samples: list[Sample], operations: list[str], unit: Unit) -> dict[str, Outcome]:
    """By operation. A failure of the whole job is a failure of every operation."""
    names = [name for name in operations if name != ALL_OPERATIONS] or [ALL_OPERATIONS]
    return {
        name: Outcome.of([s for s in samples if s.operation in {name, ALL_OPERATIONS}], unit)
        for name in names
        if any(s.operation in {name, ALL_OPERATIONS} for s in samples)
    }


def _in_turn(subjects: tuple[Subject, ...], repetition: int) -> tuple[Subject, ...]:
    """Nobody always follows the same neighbour's rubbish from the start of the run to its end."""
    first = repetition % len(subjects)
    return subjects[first:] + subjects[:first]


def _measured(measure: Measure, subject: Subject) -> list[Sample]:
    try:
        return measure(subject)
    except Exception as error:  # noqa: BLE001 - a wrong result is found after the job, and is a failure like others
        return [Sample(ALL_OPERATIONS, error=described(error))]


def _version(subject: Subject) -> str:
    return versions_in(subject.environment).get(subject.package, "") if subject.package else ""


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
