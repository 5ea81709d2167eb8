"""95 % intervals of means whose values are not independent."""

import math
from collections.abc import Iterable
from typing import NamedTuple

# The normal quantile, and Student's for the first degrees of freedom, where the expansion below is too coarse.
_NORMAL = 1.959963984540054
_FIRST = (
    12.706204736432095,
    4.302652729911275,
    3.182446305284263,
    2.7764451051977987,
    2.5705818366147395,
    2.4469118487916806,
    2.3646242510102993,
    2.306004135033371,
    2.2621571627409915,
    2.2281388519649385,
)


def half_width(squares: float, clusters: int) -> float | None:
    """Return half the width of the 95 % interval of a mean over clusters; None when there are fewer than two.

    The standard error is the cluster-robust one of a mean, sqrt(G / (G - 1) * sum over clusters of u_g^2), where
    G counts the clusters and u_g is the sum over the values of cluster g of (value - mean) * weight, the weights
    of all values making one. The interval is t(0.975, G - 1) standard errors to either side. With each value a
    cluster of its own this is the textbook interval of a mean. Source: Cameron and Miller, "A Practitioner's
    Guide to Cluster-Robust Inference", Journal of Human Resources 50(2), 2015, sections II and VI.

    Args:
        squares: the sum of u_g^2.
        clusters: how many clusters there are.
    """
    if clusters < 2:
        return None
    return quantile(clusters - 1) * math.sqrt(clusters / (clusters - 1) * squares)


class Estimate(NamedTuple):
    """A mean or a ratio, with half the width of its 95 % interval; None of nothing, and of a single cluster."""

    mean: float | None
    half: float | None

    def as_dict(self) -> dict[str, float | None]:
        """Return the mean and both ends of its interval."""
        if self.mean is None or self.half is None:
            return {"mean": self.mean, "low": None, "high": None}
        return {"mean": self.mean, "low": self.mean - self.half, "high": self.mean + self.half}


def estimate(rows: Iterable[tuple[str, float, float]]) -> Estimate:
    """Return the sum of some values over that of others, with its interval, clustered (linearised, as in a survey).

    Args:
        rows: cluster, value and what it is divided by in the end: 1 for a mean.
    """
    found = list(rows)
    below = math.fsum(under for _, _, under in found)
    if not below:
        return Estimate(None, None)
    ratio = math.fsum(above for _, above, _ in found) / below
    pulls: dict[str, list[float]] = {}
    for cluster, above, under in found:
        pulls.setdefault(cluster, []).append((above - ratio * under) / below)
    squares = math.fsum(pull * pull for pull in map(math.fsum, pulls.values()))
    return Estimate(ratio, half_width(squares, len(pulls)))


def quantile(freedom: int) -> float:
    """Return the 0.975 quantile of Student's t, to five digits, the same on every machine.

    Source: the expansion 26.7.5 of Abramowitz and Stegun, "Handbook of Mathematical Functions", 1964.
    """
    if freedom <= len(_FIRST):
        return _FIRST[freedom - 1]
    # Products alone, since a power may differ in its last digit from machine to machine.
    x, x2 = _NORMAL, _NORMAL * _NORMAL
    terms = (
        x * (x2 + 1) / 4,
        x * ((5 * x2 + 16) * x2 + 3) / 96,
        x * (((3 * x2 + 19) * x2 + 17) * x2 - 15) / 384,
        x * ((((79 * x2 + 776) * x2 + 1482) * x2 - 1920) * x2 - 945) / 92160,
    )
    found = 0.0
    for term in reversed(terms):
        found = (found + term) / freedom
    return x + found
