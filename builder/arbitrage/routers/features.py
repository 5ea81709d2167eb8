"""What the light router sees of a prompt: hashed character n-grams, which need no model, unless told otherwise."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from arbitrage.records import Prompt

WIDTH = 512
"""Numbers that stand for a prompt."""
GRAMS = (2, 3, 4)
MOST_CHARACTERS = 4000
"""What follows in a longer prompt is not looked at."""

_FACTOR = np.uint64(0x9E3779B97F4A7C15)


def text_of(prompt: Prompt) -> str:
    """Return all turns of a prompt as one text."""
    return "\n".join(turn["content"] for turn in prompt.messages)


def hashed(texts: Sequence[str]) -> NDArray[np.float32]:
    """Return signed counts of character n-grams, square roots taken, each text of length one; shape (texts, WIDTH).

    Source: Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009.
    """
    found = np.zeros((len(texts), WIDTH), np.float32)
    for row, text in zip(found, texts, strict=True):
        points = np.frombuffer(f" {text[:MOST_CHARACTERS].casefold()} ".encode("utf-32-le", "surrogatepass"), np.uint32)
        codes = points.astype(np.uint64)
        for n in GRAMS:
            if len(codes) < n:
                continue
            mixed = np.full(len(codes) - n + 1, n, np.uint64)
            for k in range(n):
                mixed = (mixed ^ codes[k : len(codes) - n + 1 + k]) * _FACTOR
                mixed ^= mixed >> np.uint64(29)
            signs = 1.0 - 2.0 * ((mixed >> np.uint64(40)) & np.uint64(1)).astype(np.float64)
            row += np.bincount((mixed >> np.uint64(41)).astype(np.int64) % WIDTH, signs, WIDTH)
    found = np.sign(found) * np.sqrt(np.abs(found))
    lengths = np.sqrt(np.square(found, dtype=np.float64).sum(1, keepdims=True))
    scaled: NDArray[np.float32] = (found / np.maximum(lengths, 1e-12)).astype(np.float32)
    return scaled


class Embedding(Protocol):
    """What turns texts into numbers, each text by itself."""

    @property
    def width(self) -> int:
        """How many numbers stand for a text."""
        ...

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return a row for each text, of length one or zero; shape (texts, width)."""
        ...

    def as_dict(self) -> dict[str, object] | None:
        """Return what names it, for manifest and card; None where it is no model."""
        ...


class Hashed:
    """Hashed character n-grams."""

    width = WIDTH

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See `hashed`."""
        return hashed(texts)

    def as_dict(self) -> None:
        """Return None: it is no model."""
