"""Logistic regression of outcomes between 0 and 1, by Newton's method, with what each row pulls."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RIDGE = 0.1
"""Of the last column, in rows' worth of likelihood: half of it times the square is added to the sum of the losses.

The other columns are levels, which are not shrunk: a shrunk level would pull win rates to 50.
"""
STEPS, ENOUGH = 50, 1e-10


class Fit(NamedTuple):
    """Coefficients, and by row how far it pulls each of them."""

    coefficients: Floats
    pulls: Floats


def sigmoid(x: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)), without overflow."""
    return np.exp(-np.logaddexp(0.0, -x))


def fit(columns: Floats, values: Floats) -> Fit | None:
    """Return the fit, or None where Newton's method finds no end: the outcomes are separated.

    A value between 0 and 1 counts as that share of a win and the rest of a loss, as AlpacaEval counts it; the pulls are
    those of the sandwich estimator, which does not want values to be binomial, each over the root of one less its row's
    leverage (HC2): a fit comes closer to its own rows than to others. For a mean this is n / (n - 1). Source: MacKinnon
    and White, "Some Heteroskedasticity-Consistent Covariance Matrix Estimators", 1985.
    """
    ridge = np.zeros(columns.shape[1])
    ridge[-1] = RIDGE
    found = np.zeros(columns.shape[1])
    loss = _loss(columns, values, found, ridge)
    for _ in range(STEPS):
        chances = sigmoid(columns @ found)
        slope = columns.T @ (values - chances) - ridge * found
        bend = _bend(columns, chances, ridge)
        try:
            step = np.linalg.solve(bend, slope)
        except np.linalg.LinAlgError:
            return None
        if np.max(np.abs(step)) < ENOUGH:
            return Fit(found, _pulls(columns, values - chances, chances * (1 - chances), bend))
        length = 1.0
        while (after := _loss(columns, values, found + length * step, ridge)) > loss + ENOUGH and length > ENOUGH:
            length /= 2
        found, loss = found + length * step, after
    return None


def _pulls(columns: Floats, rests: Floats, weights: Floats, bend: Floats) -> Floats:
    turned = np.asarray(np.linalg.solve(bend, columns.T).T, dtype=np.float64)
    leverage = weights * (columns * turned).sum(axis=1)
    return np.asarray(turned * (rests / np.sqrt(np.maximum(1 - leverage, 1e-6)))[:, None])


def _bend(columns: Floats, chances: Floats, ridge: Floats) -> Floats:
    weights = chances * (1 - chances)
    return np.asarray((columns * weights[:, None]).T @ columns + np.diag(ridge))


def _loss(columns: Floats, values: Floats, coefficients: Floats, ridge: Floats) -> float:
    levels = columns @ coefficients
    losses = np.logaddexp(0.0, levels) - values * levels
    return float(losses.sum() + (ridge * coefficients**2).sum() / 2)


def direction(x: Floats, values: Floats) -> int | None:
    """Return on which side of a threshold of x all wins are: 1 above, -1 below, 0 if either; None where they overlap.

    Where wins and losses lie on two sides the likelihood has no maximum, and the ridge alone would set the slope.
    """
    wins, losses = x[values > 0], x[values < 1]
    if not len(wins) or not len(losses):
        return 0
    above, below = wins.min() >= losses.max(), wins.max() <= losses.min()
    if above and below:
        return 0
    return 1 if above else -1 if below else None
