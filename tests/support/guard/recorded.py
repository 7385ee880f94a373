"""What the operations cost when they were last recorded, and how much more they may cost."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

from tests.support.guard.costs import Cost

PATH: Final = Path(__file__).with_name("recorded.json")
ALLOWED_GROWTH: Final = 1.5
"""A cost of this multiple of the recorded one is too high."""


def load() -> dict[str, Cost]:
    return {name: Cost(**cost) for name, cost in json.loads(PATH.read_text()).items()}


def save(costs: Mapping[str, Cost]) -> None:
    lines = (f"{json.dumps(name)}: {json.dumps(asdict(cost))}" for name, cost in costs.items())
    PATH.write_text("{\n " + ",\n ".join(lines) + "\n}\n")


def growth(costs: Mapping[str, Cost], recorded: Mapping[str, Cost]) -> list[str]:
    """A line for every cost that has grown too much, and for every operation that only one of the two has."""
    lines = [f"{name}: measured or recorded, but not both" for name in sorted(costs.keys() ^ recorded.keys())]
    for name in costs.keys() & recorded.keys():
        allowed = asdict(recorded[name])
        for kind, value in asdict(costs[name]).items():
            if value >= allowed[kind] * ALLOWED_GROWTH:
                lines.append(f"{name}: {value:g} {kind} instead of {allowed[kind]:g}")
    return lines
