"""Gain against cost: a mark for each arm that was replayed on a recorded pool."""

from collections.abc import Mapping
from typing import Any

from arbitrage_cards.canvas import FAINT, INK, MARGIN, RULE, Canvas, Colour, label
from arbitrage_cards.tables import number

WIDTH, HEIGHT = 1000, 640
LEFT, TOP, BOTTOM = 90, 110, 90
MARK = 7
MOST_ARMS = 24
_BLUE: Colour = (0, 114, 178)
_VERMILION: Colour = (213, 94, 0)


def draw_simulated(found: Mapping[str, Any]) -> bytes:
    """Return the share of the gain that each arm has, by how many answers a prompt it asks for, as PNG."""
    arms = [
        (name, asked, share)
        for name, arm in found["arms"].items()
        if (asked := number(arm["generations"])) is not None
        and (share := number(arm["own"]["share"]["mean"])) is not None
    ][:MOST_ARMS]
    most = max((asked for _, asked, _ in arms), default=1.0)
    low = min(0.0, *(share for _, _, share in arms)) if arms else 0.0
    canvas = Canvas(WIDTH, HEIGHT)
    canvas.text(MARGIN, MARGIN + 14, f"What arms gain on {label(str(found['pool']), 26, 500)}", 26)
    legend = (
        "Share of the gain of always having the best answer (1), above a blind choice (0); lines are 95 % intervals."
    )
    canvas.text(MARGIN, MARGIN + 50, legend, 18, ink=FAINT)

    def x(asked: float) -> float:
        return LEFT + (asked - 1) / max(1.0, most - 1) * (WIDTH - LEFT - 220)

    def y(share: float) -> float:
        return HEIGHT - BOTTOM - (share - low) / (1.05 - low) * (HEIGHT - TOP - BOTTOM)

    for step in range(6):
        canvas.box(LEFT - 10, y(step / 5), WIDTH - MARGIN, y(step / 5) + 1, RULE)
        canvas.text(LEFT - 18, y(step / 5), f"{step / 5:.1f}", 18, "rm", FAINT)
    for asked in range(1, int(most) + 1):
        canvas.text(x(asked), HEIGHT - BOTTOM + 28, str(asked), 18, "mm", FAINT)
    canvas.text(LEFT, HEIGHT - 28, "answers asked for, a prompt", 18, ink=FAINT)
    at: dict[int, int] = {}
    for name, asked, share in arms:
        # Side by side, those that ask for as many.
        at[round(asked)] = at.get(round(asked), -1) + 1
        x_of = x(asked) + 2.2 * MARK * at[round(asked)]
        ink = _VERMILION if name.startswith(("single", "random")) else _BLUE
        ends = found["arms"][name]["own"]["share"]
        least, greatest = number(ends["low"]), number(ends["high"])
        if least is not None and greatest is not None:
            canvas.box(x_of - 1, y(min(1.05, greatest)), x_of + 1, y(max(low, least)), ink)
        canvas.box(x_of - MARK, y(share) - MARK, x_of + MARK, y(share) + MARK, ink)
        canvas.text(x_of + MARK + 8, y(share), label(name, 18, 200), 18, ink=INK)
    return canvas.png()
