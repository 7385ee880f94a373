"""Numbers as people read them."""

from collections.abc import Iterable

DASH = "\N{EN DASH}"


def three_digits(value: float | None) -> str:
    """About three significant digits, thousands apart: `0.123`, `1.23`, `12.3`, `123`, `1 230`, `12 300`."""
    if not value:
        return DASH if value is None else "0"
    magnitude = abs(value)
    for bound, form in ((0.0995, ".3f"), (9.95, ".2f"), (99.5, ".1f")):
        if magnitude < bound:
            return format(value, form)
    digits = 0 if magnitude < 999.5 else -1 if magnitude < 9995 else -2
    return f"{round(value, digits):,.0f}".replace(",", " ")


def times(ratio: float | None) -> str:
    return DASH if ratio is None else f"{three_digits(ratio)}\N{MULTIPLICATION SIGN}"


def table(heads: Iterable[str], rows: Iterable[Iterable[str]], words: int = 1) -> str:
    """In Markdown; the first columns are words, the others numbers."""
    lines = [list(heads), *(list(row) for row in rows)]
    lines.insert(1, ["---" if column < words else "---:" for column in range(len(lines[0]))])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
