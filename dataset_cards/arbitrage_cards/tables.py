"""Markdown tables and numbers."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

ABSENT = "–"
LISTED = 8
"""Counts that one cell lists."""


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; cells are Markdown already, and columns of numbers alone stand to the right."""
    found = [list(row) for row in rows]
    lines = [header, [_rule(row[place] for row in found) for place in range(len(header))], *found]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _rule(cells: Iterable[str]) -> str:
    numeric = [
        cell.strip("*").replace(",", "").replace(".", "", 1).removesuffix(" %") for cell in cells if cell != ABSENT
    ]
    return "---:" if numeric and all(cell.isdecimal() or not cell for cell in numeric) and any(numeric) else "---"


def details(summary: str, body: str) -> str:
    """Return a block that opens on a click."""
    return f"<details>\n<summary>{summary}</summary>\n\n{body}\n\n</details>"


def count(value: int | None) -> str:
    """Return a count with thin groups, or the sign for nothing known."""
    return ABSENT if value is None else f"{value:,}"


def number(value: Any) -> float | None:
    """Return a finite number, or None for anything else."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None


def places(found: Iterable[Mapping[str, Any]]) -> int:
    """Return how many decimals the narrowest of some intervals gives a meaning to."""
    ends = [(number(estimate.get("low")), number(estimate.get("high"))) for estimate in found]
    widths = [high - low for low, high in ends if low is not None and high is not None and high > low]
    return max(0, min(4, 1 - math.floor(math.log10(min(widths))))) if widths else 4


def shown(found: Mapping[str, Any] | None, decimals: int, sign: str = "") -> str:
    """Return `mean [low, high]`, or the mean alone where there is no interval; `sign` is `+` for differences."""
    mean, low, high = (number((found or {}).get(key)) for key in ("mean", "low", "high"))
    if mean is None:
        return ABSENT
    style = f"{sign}.{decimals}f" if abs(mean) < 1e6 else f"{sign}.4g"
    if low is None or high is None:
        return f"{mean:{style}}"
    # Spaces that do not break: an interval in pieces cannot be read.
    return f"{mean:{style}}\u00a0[{low:{style}},\u00a0{high:{style}}]"


def listed(counts: Mapping[str, int]) -> str:
    """Return `name n` for each count, the largest first and only the first of many."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    first = [f"{name} {count(value)}" for name, value in ordered[:LISTED]]
    if len(ordered) > LISTED:
        first.append(f"{len(ordered) - LISTED} more {count(sum(value for _, value in ordered[LISTED:]))}")
    return ", ".join(first) or ABSENT
