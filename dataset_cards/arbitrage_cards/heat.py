"""The heat map of which teacher won where."""

from collections.abc import Mapping
from typing import Any

from arbitrage_cards.arms import by_rows, teacher_serves, wins
from arbitrage_cards.canvas import FAINT, GROUND, INK, MARGIN, RULE, Canvas, Colour, label, width_of

WIDTH = 1600
MOST_LANGUAGES = 64
MOST_TEACHERS = 40
# From light to dark in one hue, so that it is told apart by lightness alone.
_LIGHT: Colour = (239, 246, 255)
_DARK: Colour = (8, 48, 107)
_FRAME: Colour = (213, 94, 0)
_SIZES = ((84, 24), (52, 22), (40, 18), (28, 15), (0, 11))
"""Room for a cell, and the size of text that suits it."""


def draw_wins(manifest: Mapping[str, Any], arm: str) -> bytes:
    """Return the share of an arm's rows that each teacher wrote, by language, as PNG."""
    all_languages, all_teachers, chosen = wins(manifest, arm)
    teachers = by_rows(chosen, all_teachers)[:MOST_TEACHERS]
    languages = all_languages[:MOST_LANGUAGES]
    room = (WIDTH - 2 * MARGIN - 300) / len(languages)
    size = next(size for least, size in _SIZES if room >= least)
    names = [label(teacher, size, 300 - 12) for teacher in teachers]
    tags = [label(language, size, 160) for language in languages]
    left = MARGIN + round(max(width_of(name, size) for name in names)) + 12
    cell = min(100, int((WIDTH - MARGIN - left) / len(languages)))
    tall = size + 18
    upright = any(width_of(tag, size) > cell - 6 for tag in tags)
    top = MARGIN + 84 + (round(max(width_of(tag, size) for tag in tags)) + 10 if upright else tall)
    notes = _notes(len(all_languages), len(languages), len(all_teachers), len(teachers))
    title = f"Prompts of each language that a teacher won, in % (arm {label(arm, 26, 400)})"
    legend = f"A frame marks the most in a language; a dash, a teacher that was not asked.{notes}"
    least = max(width_of(title, 26), width_of(legend, 18))
    width = min(WIDTH, max(left + cell * len(languages), MARGIN + round(least)) + MARGIN)
    canvas = Canvas(width, top + tall * len(teachers) + MARGIN)
    canvas.text(MARGIN, MARGIN + 14, title, 26)
    canvas.text(MARGIN, MARGIN + 50, legend, 18, ink=FAINT)
    for row, name in enumerate(names):
        canvas.text(left - 12, top + tall * (row + 0.5), name, size, "rm")
    shares = {
        language: {teacher: n / sum(chosen[language].values()) for teacher, n in chosen[language].items()}
        for language in languages
    }
    highest = max(0.2, *(max(found.values()) for found in shares.values()))
    for column, language in enumerate(languages):
        x = left + cell * column
        if upright:
            canvas.upright(x + cell / 2, top - 6, tags[column], size)
        else:
            canvas.text(x + cell / 2, top - tall / 2, tags[column], size, "mm")
        most = max(shares[language].values())
        for row, teacher in enumerate(teachers):
            y = top + tall * row
            share = shares[language].get(teacher, 0.0)
            if not share and not teacher_serves(manifest, teacher, language):
                canvas.text(x + cell / 2, y + tall / 2, "-", size, "mm", FAINT)
                continue
            colour = _between(share / highest)
            canvas.box(x + 1, y + 1, x + cell - 1, y + tall - 1, colour)
            ink = INK if 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2] > 140 else GROUND
            canvas.text(x + cell / 2, y + tall / 2, f"{100 * share:.0f}", size, "mm", ink)
            if share == most:
                canvas.frame(x + 1, y + 1, x + cell - 1, y + tall - 1, _FRAME, 3 if cell > 40 else 2)
    canvas.box(left, top - 2, left + cell * len(languages), top - 1, RULE)
    return canvas.png()


def _between(share: float) -> Colour:
    red, green, blue = (round(light + (dark - light) * share) for light, dark in zip(_LIGHT, _DARK, strict=True))
    return red, green, blue


def _notes(languages: int, shown_languages: int, teachers: int, shown_teachers: int) -> str:
    parts = []
    if shown_languages < languages:
        parts.append(f" The first {shown_languages} of {languages} languages.")
    if shown_teachers < teachers:
        parts.append(f" The {shown_teachers} teachers with the most of {teachers}.")
    return "".join(parts)
