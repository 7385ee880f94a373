"""How the ledger on PostgreSQL behaves as it grows, as a picture."""

import math
import re
from typing import Final
from xml.sax.saxutils import escape

from benchmarks.results.report import Report

GROWN: Final = "ledger-postgres"
"""The workload that is shown."""

_WIDTH: Final = 640
_HEIGHT: Final = 360
_LEFT: Final = 70
_RIGHT: Final = 20
_TOP: Final = 30
_BOTTOM: Final = 60
_COLOURS: Final = {"claim, mean": "#1f6feb", "claim, 99 %": "#bf5b00", "status": "#1a7f37"}
_DECADES: Final = range(-1, 5)
"""Powers of ten of milliseconds on the vertical axis."""


def plot(report: Report) -> str:
    """Milliseconds over files, both in powers of ten, as SVG with its own description."""
    lines = _lines(report)
    sizes = sorted({size for points in lines.values() for size, _ in points})
    first, last = math.log10(sizes[0]), math.log10(sizes[-1])

    def x(size: float) -> float:
        return _LEFT + (math.log10(size) - first) / (last - first) * (_WIDTH - _LEFT - _RIGHT)

    def y(milliseconds: float) -> float:
        low, high = _DECADES[0], _DECADES[-1]
        return _HEIGHT - _BOTTOM - (math.log10(milliseconds) - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    parts = [_grid(y(10**power), f"{10.0**power:g} ms") for power in _DECADES]
    parts += [_text(x(size), _HEIGHT - _BOTTOM + 20, f"{size:_}".replace("_", " "), "middle") for size in sizes]
    parts.append(_text((_LEFT + _WIDTH) / 2, _HEIGHT - _BOTTOM + 40, "files in the ledger", "middle"))
    for row, (name, points) in enumerate(lines.items()):
        colour = _COLOURS[name]
        path = " ".join(f"{x(size):.1f},{y(value):.1f}" for size, value in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for size, value in points:
            parts.append(f'<circle cx="{x(size):.1f}" cy="{y(value):.1f}" r="4" fill="{colour}"/>')
            parts.append(_text(x(size), y(value) - 8, f"{value:.3g}", "end" if size == sizes[-1] else "middle"))
        parts.append(_text(_LEFT + 10 + 120 * row, 18, name, "start", colour))
    described = f"{report.title}: milliseconds of a claim and of a status over the number of files"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'font-family="sans-serif" font-size="12">\n<title>{escape(described)}</title>\n'
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _lines(report: Report) -> dict[str, list[tuple[int, float]]]:
    lines: dict[str, list[tuple[int, float]]] = {name: [] for name in _COLOURS}
    for operation, outcome in report.ours.operations.items():
        found = re.fullmatch(r"(claim of \d+|status), ([\d ]+) files", operation)
        if found is None or not outcome.figure:
            continue
        size, mean = int(found[2].replace(" ", "")), 1000 / outcome.figure
        if found[1] == "status":
            lines["status"].append((size, mean))
        else:
            lines["claim, mean"].append((size, mean))
            lines["claim, 99 %"].append((size, outcome.p99_ms or mean))
    return {name: sorted(points) for name, points in lines.items()}


def _grid(height: float, label: str) -> str:
    return (
        f'<line x1="{_LEFT}" y1="{height:.1f}" x2="{_WIDTH - _RIGHT}" y2="{height:.1f}" stroke="#d0d7de"/>\n'
        + _text(_LEFT - 8, height + 4, label, "end")
    )


def _text(x: float, y: float, text: str, anchor: str, colour: str = "#57606a") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{text}</text>'
