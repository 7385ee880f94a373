"""Does one job and says what it took: a JSON job comes in by standard input, JSON samples leave by standard output."""

import json
import os
import sys
import traceback
from dataclasses import asdict
from importlib import import_module
from typing import Any

from benchmarks.child.sample import Sample, described
from benchmarks.child.store import Target


def _run(job: dict[str, Any]) -> list[Sample]:
    task = import_module(f"benchmarks.child.tasks.{job['task']}")
    target = Target(**job["target"])
    samples: list[Sample] = task.run(job["driver"], target, job["parameters"])
    return samples


def main() -> None:
    # Libraries may print; only the answer may reach the runner by this way.
    answer_to = os.dup(1)
    os.dup2(2, 1)
    job = json.load(sys.stdin)
    try:
        samples = _run(job)
    except Exception as error:  # noqa: BLE001 - whatever a peer does, its failure is the result
        traceback.print_exc()
        samples = [Sample("*", error=described(error))]
    with os.fdopen(answer_to, "w") as answer:
        json.dump([asdict(sample) for sample in samples], answer)
        answer.flush()
        # Some libraries leave threads that hold up the end of the process for seconds.
        sys.stderr.flush()
        os._exit(0)


if __name__ == "__main__":
    main()
