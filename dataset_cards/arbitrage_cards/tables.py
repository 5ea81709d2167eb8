"""Markdown tables and numbers."""

from collections.abc import Iterable, Sequence

ABSENT = "–"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; cells are Markdown already."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def count(value: int | None) -> str:
    """Return a count with thin groups, or the sign for nothing known."""
    return ABSENT if value is None else f"{value:,}"


def decimal(value: float | None) -> str:
    """Return a reward to four digits."""
    return ABSENT if value is None else f"{value:.4g}"


def listed(counts: dict[str, int]) -> str:
    """Return `name n` for each count, the largest first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count(value)}" for name, value in ordered) or ABSENT
