"""A workload's results as bars: a panel for each operation, a bar for each subject, whiskers from lowest to highest."""

from html import escape

from benchmarks.harness.results import Outcome, Report, SubjectOutcome
from benchmarks.report.numbers import TIMES, advantage, three_digits, times, why_no_figure

_COLUMNS = 4
_PANEL = 300
_LABELS = 118
_BARS = 96
_ROW = 19
_HEAD = 26
_TOP = 48

_STYLE = """
text { font: 11px system-ui, sans-serif; fill: #1f2328 }
.title { font-size: 15px; font-weight: 600 }
.panel { font-size: 12px; font-weight: 600 }
.note { fill: #656d76 }
.ours { fill: #1a7f37 } .incumbent { fill: #cf222e } .peer { fill: #8c959f } .limit { fill: #bf8700 }
.whisker { stroke: #1f2328; stroke-width: 1; opacity: .6 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .note { fill: #8d96a0 } .whisker { stroke: #e6edf3 }
  .ours { fill: #3fb950 } .incumbent { fill: #f85149 } .peer { fill: #6e7681 } .limit { fill: #d29922 }
}
"""


def svg(report: Report) -> str:
    operations = report.operations
    columns = min(_COLUMNS, len(operations))
    panel_height = _HEAD + _ROW * len(report.subjects) + 14
    rows = -(-len(operations) // columns)
    width, height = max(columns * _PANEL, 560) + 20, _TOP + rows * panel_height
    direction = "less is better" if report.unit.less_is_better else "more is better"
    shapes = [
        _text(10, 20, report.title, "title"),
        _text(10, 37, f"{report.unit}, {direction}; with {TIMES}: how many times as fast s3py-helper is", "note"),
    ]
    for index, operation in enumerate(operations):
        left, top = 10 + index % columns * _PANEL, _TOP + index // columns * panel_height
        shapes += _panel(report, operation, left, top)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f"<title>{escape(report.title)}</title><style>{_STYLE}</style>\n" + "\n".join(shapes) + "\n</svg>\n"
    )


def _panel(report: Report, operation: str, left: int, top: int) -> list[str]:
    outcomes = [subject.operations.get(operation, Outcome(offered=False)) for subject in report.subjects]
    highest = max((outcome.figure.high for outcome in outcomes if outcome.figure), default=1.0)
    shapes = [_text(left, top + 12, operation, "panel")]
    for row, (subject, outcome) in enumerate(zip(report.subjects, outcomes, strict=True)):
        shapes += _bar(report, operation, subject, outcome, left, top + _HEAD + row * _ROW, _BARS / highest)
    return shapes


def _bar(
    report: Report, operation: str, subject: SubjectOutcome, outcome: Outcome, left: int, top: int, scale: float
) -> list[str]:
    shapes = [_text(left, top + 9, subject.name)]
    start = left + _LABELS
    if outcome.figure is None:
        return [*shapes, _text(start, top + 9, why_no_figure(outcome), "note")]
    figure = outcome.figure
    end, low, high = (start + value * scale for value in (figure.median, figure.low, figure.high))
    middle = top + 5.5
    ratio = None if subject.role == "ours" else advantage(report, operation, subject)
    figure_and_ratio = three_digits(figure.median) + ("" if ratio is None else f" · {times(ratio)}")
    return [
        *shapes,
        f'<rect class="{subject.role}" x="{start}" y="{top}" width="{end - start:.1f}" height="11" rx="2"/>',
        f'<line class="whisker" x1="{low:.1f}" y1="{middle}" x2="{high:.1f}" y2="{middle}"/>',
        _text(round(high + 5), top + 9, figure_and_ratio, "note"),
    ]


def _text(x: int, y: int, text: str, kind: str = "") -> str:
    attribute = f' class="{kind}"' if kind else ""
    return f'<text x="{x}" y="{y}"{attribute}>{escape(text)}</text>'
