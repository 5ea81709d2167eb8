"""Win rates at equal length: AlpacaEval 2's model without its terms that exist for English prompts alone."""

from collections.abc import Sequence

import numpy as np

from arbitrage_eval.winrates import logistic
from arbitrage_eval.winrates.logistic import Floats
from arbitrage_eval.winrates.measured import Measured, pulls_of
from arbitrage_eval.winrates.verdicts import Outcome

FEWEST = 20
"""Sources, below which nothing is fitted."""


def standardised(longer: Sequence[float]) -> Floats | None:
    """Return tanh of differences in length over their standard deviation; None where it is the same everywhere.

    The differences are not centred, so zero stays zero: answers of equal length.
    """
    differences = np.asarray(longer, dtype=np.float64)
    if len(differences) < 2 or np.ptp(differences) == 0:
        return None
    return np.tanh(differences / np.std(differences, ddof=1))


def controlled(outcomes: Sequence[Outcome]) -> Measured:
    """Return the win rate, in points, of one model in one language if all answers were as long as the baseline's.

    logit P(win) = level + slope * tanh(difference in length / its standard deviation), predicted at a difference of
    zero, with the delta method on pulls that are clustered by source. Source: Dubois et al., "Length-Controlled
    AlpacaEval", 2024, arXiv 2404.04475. Left out are the difficulty of a prompt and the anchoring to a verbose and a
    concise baseline, which were made once, for 805 English prompts; the ridge stands in for the latter.
    """
    rows = [(one.source_id, one.longer, one.value) for one in outcomes]
    known = [(source, longer, value) for source, longer, value in rows if longer is not None and value is not None]
    if len({source for source, *_ in known}) < FEWEST:
        return Measured(None, lacking=f"fewer than {FEWEST} sources with lengths")
    x = standardised([longer for _, longer, _ in known])
    if x is None:
        return Measured(None, lacking="answers differ in length by the same everywhere")
    if x.min() > 0 or x.max() < 0:
        return Measured(None, lacking="one of the two is longer everywhere: equal length is out of reach")
    values = np.array([value for *_, value in known])
    if logistic.direction(x, values) is not None:
        alike = values.min() == values.max()
        return Measured(None, lacking="all outcomes are alike" if alike else "length separates wins from losses")
    fitted = logistic.fit(np.column_stack([np.ones_like(x), x]), values)
    if fitted is None:
        return Measured(None, lacking="the fit found no end")
    rate = float(logistic.sigmoid(fitted.coefficients[:1])[0])
    pulls = 100 * rate * (1 - rate) * fitted.pulls[:, 0]
    return Measured(
        100 * rate, pulls_of(zip([source for source, *_ in known], pulls.tolist(), strict=True)), fitted=True
    )
