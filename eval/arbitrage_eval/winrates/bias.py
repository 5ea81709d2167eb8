"""What a judge likes for other reasons than the answer: its place and its length."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from arbitrage_eval.winrates import logistic
from arbitrage_eval.winrates.length import FEWEST, standardised
from arbitrage_eval.winrates.logistic import Floats
from arbitrage_eval.winrates.measured import Measured, mean_of, pulls_of
from arbitrage_eval.winrates.verdicts import Outcome


def biases(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return the biases of one judge, in points; 50 is none, for a place as for a length."""
    return {
        "first_chosen": first_chosen(outcomes).as_dict(),
        "contradicted": contradicted(outcomes).as_dict(),
        "longer_chosen": longer_chosen(outcomes).as_dict(),
        "longer_chosen_of_equals": longer_of_equals(outcomes).as_dict(),
    }


def first_chosen(outcomes: Sequence[Outcome]) -> Measured:
    """Return how often the answer shown first is chosen, a tie as half, of pairs that were read in both orders.

    Each answer of such a pair is shown first once, so which of them is better has no part in it.
    """
    return mean_of(
        (one.source_id, 50 * (one.scores[0] + 1 - one.scores[1])) for one in outcomes if one.scores is not None
    )


def contradicted(outcomes: Sequence[Outcome]) -> Measured:
    """Return the share of pairs of which the same place won in both orders."""
    return mean_of(
        (one.source_id, 100.0 * (abs(one.scores[0] - one.scores[1]) == 1)) for one in outcomes if one.scores is not None
    )


def longer_chosen(outcomes: Sequence[Outcome]) -> Measured:
    """Return how often the longer answer is chosen, whatever the reason: it may be longer because it is better."""
    rows = [(one.source_id, one.longer, one.value) for one in outcomes]
    return mean_of(
        (source, 100 * (value if longer > 0 else 1 - value))
        for source, longer, value in rows
        if longer and value is not None
    )


def longer_of_equals(outcomes: Sequence[Outcome]) -> Measured:
    """Return how likely an answer is chosen that is a standard deviation longer, of a model as good as the baseline.

    One logistic regression with a level for each model, baseline and language, which takes up how good the models are,
    and one slope on length as in the length-controlled win rate. Within a model longer answers may still be better.
    """
    groups: defaultdict[tuple[str, str, str], list[tuple[str, float, float]]] = defaultdict(list)
    for one in outcomes:
        if one.longer is not None and one.value is not None:
            groups[one.item[:3]].append((one.source_id, one.longer, one.value))
    told: list[tuple[list[str], Floats, Floats]] = []
    directions = set()
    for name in sorted(groups):
        x = standardised([longer for _, longer, _ in groups[name]])
        values = np.array([value for *_, value in groups[name]])
        # A group whose outcomes or lengths are all alike says nothing of the slope, and its level has no end.
        if x is not None and (side := logistic.direction(x, values)) != 0:
            told.append(([source for source, *_ in groups[name]], x, values))
            directions.add(side)
    sources = [source for of_group, *_ in told for source in of_group]
    if len(set(sources)) < FEWEST:
        return Measured(None, lacking=f"fewer than {FEWEST} sources with lengths")
    if directions in ({1}, {-1}):
        return Measured(None, lacking="length separates wins from losses")
    levels = np.repeat(np.eye(len(told)), [len(x) for _, x, _ in told], axis=0)
    columns = np.column_stack([levels, np.concatenate([x for _, x, _ in told])])
    fitted = logistic.fit(columns, np.concatenate([of_group for *_, of_group in told]))
    if fitted is None:
        return Measured(None, lacking="the fit found no end")
    one = np.tanh(1.0)
    chance = float(logistic.sigmoid(fitted.coefficients[-1:] * one)[0])
    pulls = 100 * chance * (1 - chance) * one * fitted.pulls[:, -1]
    return Measured(100 * chance, pulls_of(zip(sources, pulls.tolist(), strict=True)), fitted=True)
