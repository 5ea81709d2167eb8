"""How often translations are found: shares by language with 95 % intervals, and their mean over languages.

A language's interval is Wilson's (1927), which holds near 0 and 1 too. The mean's is clustered by the English sentence,
which several languages may share.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from arbitrage_eval.retrieval.nearest import nearest
from arbitrage_eval.retrieval.pairs import Pair, Pairs
from arbitrage_eval.winrates.measured import Measured, macro, mean_of

if TYPE_CHECKING:
    from arbitrage_eval.retrieval.nearest import Array

NORMAL = 1.959963984540054
WAYS = ("cosine", "margin")
DIRECTIONS = ("to_english", "from_english")
Lookup = Callable[[Sequence[str]], "Array"]
"""Gives the vectors of some texts, one a row."""


def rates(pairs: Pairs, vectors: Lookup) -> dict[str, Any]:
    """Return the accuracies of every language, both ways and in both directions, and their means over languages."""
    languages: dict[str, Any] = {}
    means: dict[tuple[str, str], dict[str, Measured]] = {}
    for language, rows in pairs.items():
        found = found_of(rows, vectors)
        languages[language] = {
            "pairs": len(rows),
            **{way: {direction: _share(found[way, direction]) for direction in DIRECTIONS} for way in WAYS},
        }
        for key, hits in found.items():
            outcomes = ((pair.english, float(hit)) for pair, hit in zip(rows, hits, strict=True))
            means.setdefault(key, {})[language] = mean_of(outcomes)
    mean = {way: {direction: _mean(means[way, direction]) for direction in DIRECTIONS} for way in WAYS}
    return {"languages": languages, "mean": mean}


def found_of(rows: Sequence[Pair], vectors: Lookup) -> dict[tuple[str, str], list[bool]]:
    """Return for each pair whether it was found, by way and direction.

    A pair is found where the nearest sentence is its own or has the same text: sets hold some sentences twice.
    """
    sentences, english = [pair.sentence for pair in rows], [pair.english for pair in rows]
    there, back = nearest(vectors(sentences), vectors(english)), nearest(vectors(english), vectors(sentences))
    found: dict[tuple[str, str], list[bool]] = {}
    for direction, places, texts in zip(DIRECTIONS, (there, back), (english, sentences), strict=True):
        for way, nearby in zip(WAYS, places, strict=True):
            found[way, direction] = [texts[place] == text for place, text in zip(nearby, texts, strict=True)]
    return found


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Return both ends of the 95 % interval of a share, as Wilson (1927) has it."""
    share, square = hits / count, NORMAL * NORMAL
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = NORMAL / (1 + square / count) * math.sqrt(share * (1 - share) / count + square / (4 * count * count))
    # At the ends the interval touches them, but for rounding.
    return (0.0 if hits == 0 else middle - half), (1.0 if hits == count else middle + half)


def _share(hits: Sequence[bool]) -> dict[str, float]:
    low, high = wilson(sum(hits), len(hits))
    return {"value": sum(hits) / len(hits), "low": low, "high": high}


def _mean(languages: Mapping[str, Measured]) -> dict[str, float | str | None]:
    found = macro(languages).as_dict()
    low, high = found["low"], found["high"]
    if isinstance(low, float) and isinstance(high, float):
        # A t interval of a share does not know where shares end.
        found |= {"low": max(low, 0.0), "high": min(high, 1.0)}
    return found
