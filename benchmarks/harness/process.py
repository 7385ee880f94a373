"""One job in a fresh process of a subject's environment."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.child.sample import Sample
from benchmarks.child.store import Target
from benchmarks.harness.environments import python_of
from benchmarks.harness.paths import ROOT
from benchmarks.harness.subjects import Subject

ALL_OPERATIONS = "*"


def run_job(
    subject: Subject, task: str, target: Target, parameters: dict[str, Any], *, timeout: float = 120
) -> list[Sample]:
    """What the subject's process answers; its failure or its silence is a sample, too."""
    job = {
        "driver": subject.driver,
        "task": task,
        "target": {"kind": target.kind, "settings": target.settings},
        "parameters": parameters,
    }
    command = [str(python_of(subject.environment)), "-m", "benchmarks.child"]
    output = _answer(command, json.dumps(job), timeout)
    if isinstance(output, str):
        return [Sample(ALL_OPERATIONS, error=output)]
    return [Sample(**sample) for sample in output]


def run_script(subject: Subject, script: Path, *arguments: str, timeout: float = 60) -> dict[str, Any] | str:
    """What a script prints as JSON, or what went wrong. Nothing but the script and the environment is importable."""
    answer: dict[str, Any] | str = _answer(
        [str(python_of(subject.environment)), "-P", str(script), *arguments], "", timeout
    )
    return answer


def _answer(command: list[str], question: str, timeout: float) -> Any:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
    environment |= {"PYTHONPATH": str(ROOT)} if "-P" not in command else {}
    # A peer must not look for credentials on the network or in the user's home.
    environment |= {"AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nonexistent"}
    try:
        done = subprocess.run(
            command, input=question, env=environment, timeout=timeout, capture_output=True, text=True, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {timeout:.0f} s"
    if done.returncode or not done.stdout:
        last = done.stderr.strip().splitlines()[-1:] or [""]
        return f"the process ended with {done.returncode}: {last[0][:300]}"
    return json.loads(done.stdout)
