"""Whether the nearest of some sentences is a sentence's translation, by cosine and by margin.

The margin is the ratio of Artetxe and Schwenk (2019, arXiv 1811.01136): the cosine of two sentences over the mean
cosine of both with their four nearest, so that a sentence which is near to everything is nearest to less.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[tuple[int, ...], np.dtype[np.float32]]

NEIGHBOURS = 4
BLOCK = 1024
"""Sentences that are compared with all others at a time."""
SMALLEST = 1e-6
"""Means of cosines are divided by, and below this they say nothing."""


class Found(NamedTuple):
    """The place of the nearest of the other side, for each sentence of one side, by cosine and by margin."""

    cosine: Sequence[int]
    margin: Sequence[int]


def nearest(sentences: "Array", others: "Array") -> Found:
    """Return where among the others each sentence's nearest is; both are vectors, one a row.

    Memory grows with the number of sentences and not with its square. Of equally near ones the first is taken.
    """
    import numpy as np

    left, right = _unit(sentences), _unit(others)
    near_left = np.concatenate([_mean_of_nearest(block) for block in _blocks(left, right)])
    near_right = np.concatenate([_mean_of_nearest(block) for block in _blocks(right, left)])
    cosine: list[int] = []
    margin: list[int] = []
    for number, block in enumerate(_blocks(left, right)):
        start = number * BLOCK
        around = (near_left[start : start + len(block), None] + near_right[None, :]) / 2
        cosine += block.argmax(axis=1).tolist()
        margin += (block / np.maximum(around, SMALLEST)).argmax(axis=1).tolist()
    return Found(cosine, margin)


def _unit(rows: "Array") -> "Array":
    import numpy as np

    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Array = (rows / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32)
    return unit


def _blocks(left: "Array", right: "Array") -> Iterator["Array"]:
    for start in range(0, len(left), BLOCK):
        yield left[start : start + BLOCK] @ right.T


def _mean_of_nearest(cosines: "Array") -> "Array":
    import numpy as np

    count = min(NEIGHBOURS, cosines.shape[1])
    mean: Array = np.partition(cosines, -count, axis=1)[:, -count:].mean(axis=1)
    return mean
