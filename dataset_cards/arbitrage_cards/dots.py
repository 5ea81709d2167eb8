"""Mean rewards with their intervals: a panel for each language, a line for each arm."""

from collections.abc import Mapping, Sequence
from typing import Any

from arbitrage_cards.arms import ordered
from arbitrage_cards.canvas import FAINT, INK, MARGIN, RULE, Canvas, Colour, label, width_of
from arbitrage_cards.tables import number, places

WIDTH = 1200
HEIGHT = 2600
MOST_ARMS = 24
BASE = "random"
ROW = 36
SIZE = 20
VALUE = 112
"""Room for a value beside its dot."""
# Of the palette of Okabe and Ito, which people with any colour vision tell apart.
_BLUE: Colour = (0, 114, 178)
_VERMILION: Colour = (213, 94, 0)
_BAND: Colour = (246, 248, 250)


def draw_rewards(manifest: Mapping[str, Any]) -> bytes:
    """Return the rewards of the arms by language as PNG."""
    panels = [(str(name), manifest["common"][name]) for name in manifest["languages"] if name in manifest["common"]]
    of_all = len(panels)
    if manifest.get("overall") is not None and of_all > 1:
        panels.insert(0, ("all languages", manifest["overall"]))
    scored = {name for _, found in panels for name in found["reward"]}
    all_arms = [name for name in ordered(manifest) if name in scored]
    arms = all_arms[:MOST_ARMS]
    names = [label(name, SIZE, 280) for name in arms]
    left = MARGIN + round(max(width_of(name, SIZE) for name in names)) + 16
    across = min(len(panels), 3 if (WIDTH - left - MARGIN) / 3 >= 300 else 2)
    wide = min(620, (WIDTH - left - MARGIN) // across)
    tall = ROW * len(arms) + 76
    panels = panels[: across * max(1, HEIGHT // tall)]
    decimals = places(estimate for _, found in panels for estimate in found["reward"].values())
    legend = _legend(arms, all_arms, of_all, sum(name != "all languages" for name, _ in panels))
    width = max(left + wide * across + MARGIN, MARGIN * 2 + round(max(width_of(line, 18) for line in legend)))
    down = -(-len(panels) // across)
    top = MARGIN + 46 + 28 * len(legend)
    canvas = Canvas(min(WIDTH, width), top + tall * down + MARGIN - 20)
    canvas.text(MARGIN, MARGIN + 14, "Mean reward of each arm over common prompts", 26)
    for place, line in enumerate(legend):
        canvas.text(MARGIN, MARGIN + 50 + 28 * place, line, 18, ink=FAINT)
    for place, (title, found) in enumerate(panels):
        x, y = left + wide * (place % across), top + tall * (place // across)
        if place % across == 0:
            for row, name in enumerate(names):
                canvas.text(left - 16, y + 44 + ROW * (row + 0.5), name, SIZE, "rm")
        _panel(
            canvas,
            x,
            y,
            wide - 16,
            f"{label(title, SIZE, wide - 160)}, {found['prompts']:,} prompts",
            found,
            arms,
            decimals,
        )
    return canvas.png()


def _legend(arms: Sequence[str], all_arms: Sequence[str], languages: int, shown: int) -> list[str]:
    lines = ["Square: mean. Bar: 95 % interval, clustered by source. Each panel has a scale of its own."]
    if BASE in arms:
        lines[0] = lines[0].replace("Each", "Upright line: arm random. Each")
    cut = []
    if shown < languages:
        cut.append(f"The first {shown} of {languages} languages.")
    if len(arms) < len(all_arms):
        cut.append(f"The first {len(arms)} of {len(all_arms)} arms.")
    return [*lines, " ".join(cut)] if cut else lines


def _panel(
    canvas: Canvas,
    left: float,
    top: float,
    width: float,
    title: str,
    found: Mapping[str, Any],
    arms: Sequence[str],
    decimals: int,
) -> None:
    canvas.text(left + 8, top + 22, title, SIZE)
    plot = (left + 14, left + width - VALUE)
    bottom = top + 44 + ROW * len(arms)
    estimates = {name: found["reward"][name] for name in arms if name in found["reward"]}
    low, high = _range(list(estimates.values()))
    for row in range(0, len(arms), 2):
        canvas.box(left, top + 44 + ROW * row, left + width, top + 44 + ROW * (row + 1), _BAND)
    base = number(estimates.get(BASE, {}).get("mean"))
    if base is not None:
        x = _place(base, low, high, plot)
        canvas.box(x - 1, top + 44, x + 1, bottom, (236, 170, 128))
    canvas.frame(left, top + 44, left + width, bottom, RULE, 1)
    for row, name in enumerate(arms):
        y = top + 44 + ROW * (row + 0.5)
        mean, *ends = (number(estimates.get(name, {}).get(key)) for key in ("mean", "low", "high"))
        if mean is None:
            canvas.text(left + width - 8, y, "-", SIZE, "rm", FAINT)
            continue
        colour = _BLUE if row == 0 else _VERMILION if name == BASE else INK
        if ends[0] is not None and ends[1] is not None:
            start, end = (_place(value, low, high, plot) for value in ends if value is not None)
            canvas.box(start, y - 2, max(end, start + 1), y + 2, colour)
            for x in (start, end):
                canvas.box(x - 1, y - 7, x + 1, y + 7, colour)
        x, half = _place(mean, low, high, plot), 7 if row == 0 else 5
        canvas.box(x - half, y - half, x + half, y + half, colour)
        if name == BASE:
            canvas.box(x - half + 2, y - half + 2, x + half - 2, y + half - 2, (255, 255, 255))
        value = f"{mean:.{decimals}f}" if abs(mean) < 1e6 else f"{mean:.3g}"
        canvas.text(left + width - 8, y, label(value, SIZE, VALUE - 14), SIZE, "rm")


def _range(estimates: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    values = [number(found.get(key)) for found in estimates for key in ("mean", "low", "high")]
    known = [value for value in values if value is not None]
    if not known:
        return 0.0, 1.0
    low, high = min(known), max(known)
    return (low, high) if high > low else (low - 1, high + 1)


def _place(value: float, low: float, high: float, plot: tuple[float, float]) -> float:
    # Halves, since the difference of the largest numbers is none.
    span = high / 2 - low / 2
    share = (value / 2 - low / 2) / span if span > 0 else 0.5
    return plot[0] + share * (plot[1] - plot[0])
