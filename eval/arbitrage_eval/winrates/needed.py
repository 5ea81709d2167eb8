"""How many sources a question about a win rate needs."""

import math
from collections import defaultdict
from collections.abc import Sequence
from itertools import combinations
from statistics import NormalDist
from typing import NamedTuple

from arbitrage.dataset.intervals import quantile

from arbitrage_eval.winrates.verdicts import Outcome

WORST_VARIANCE = 2500.0
"""In points squared: no ties, and as many wins as losses."""
WORST_CORRELATION = 1.0
"""Another language of a source tells nothing new."""


class Spread(NamedTuple):
    """How outcomes differ, in points squared within a language, and how alike a source's languages are.

    None is not known: `needed` then takes the worst.
    """

    variance: float | None
    correlation: float | None


UNKNOWN = Spread(None, None)


def spread(outcomes: Sequence[Outcome]) -> Spread:
    """Return the spread of one model's outcomes against one baseline, as a pilot shows it."""
    languages: defaultdict[str, list[tuple[str, float]]] = defaultdict(list)
    for one in outcomes:
        if one.value is not None:
            languages[one.item.language].append((one.source_id, 100 * one.value))
    residuals: defaultdict[str, list[tuple[str, float]]] = defaultdict(list)
    for language, rows in languages.items():
        centre = math.fsum(value for _, value in rows) / len(rows)
        for source, value in rows:
            residuals[source].append((language, value - centre))
    squares = math.fsum(rest * rest for rows in residuals.values() for _, rest in rows)
    freedom = sum(len(rows) - 1 for rows in languages.values())
    if freedom < 1 or not squares:
        return UNKNOWN
    variance = squares / freedom
    products = [
        one * other
        for rows in residuals.values()
        for (language, one), (another, other) in combinations(rows, 2)
        if language != another
    ]
    return Spread(variance, math.fsum(products) / len(products) / variance if products else None)


def needed(
    *,
    half: float | None = None,
    difference: float | None = None,
    power: float = 0.8,
    spread: Spread = UNKNOWN,
    languages: int = 1,
) -> int:
    """Return how many sources give a 95 % interval of a half width, or show a difference to 50 with a power.

    Each source is asked in every language, and the win rate is the mean over languages: its variance by source is
    variance / languages * (1 + (languages - 1) * correlation), the last factor being the design effect. A negative
    correlation, which a pilot may show by chance, counts as none.

    Args:
        half: half the width of the interval, in points; or
        difference: to 50 points, or between two models where `spread` is that of their differences.
        power: how likely the difference shall be to be seen, at 5 % on two sides.
        spread: from a pilot; the worst case where it is not known.
        languages: how many languages each source is asked in.

    Raises:
        ValueError: not exactly one of `half` and `difference`, or a number that cannot be.
    """
    wanted = half if difference is None else difference
    if wanted is None or (half is not None and difference is not None):
        raise ValueError("needed() takes either half= or difference=")
    if not 0 < wanted <= 100 or not 0.5 <= power < 1 or languages < 1:
        raise ValueError("needed() takes points over 0, a power from 0.5 to below 1, and one language or more")
    variance = WORST_VARIANCE if spread.variance is None else spread.variance
    correlation = WORST_CORRELATION if spread.correlation is None else max(0.0, spread.correlation)
    of_source = variance / languages * (1 + (languages - 1) * correlation)
    beyond = 0.0 if difference is None else NormalDist().inv_cdf(power)

    def enough(sources: int) -> bool:
        return (quantile(sources - 1) + beyond) * math.sqrt(of_source / sources) <= wanted

    low, high = 1, 2
    while not enough(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
