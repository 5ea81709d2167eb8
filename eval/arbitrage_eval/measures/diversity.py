"""How diverse the words of texts are: MTLD within a text, distinct-n over many."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from arbitrage_eval.measures.signature import signature
from arbitrage_eval.measures.words import Text

FACTOR = 0.72
FEWEST = 100
"""Words of a text below which its MTLD depends on its length (Koizumi 2012, doi:10.7820/vli.v01.1.koizumi)."""
SAMPLE = 10_000
"""Words over which distinct-n is taken: it falls as texts grow, so it compares only over the same number of words."""


def mtld(words: Sequence[str], factor: float = FACTOR) -> float | None:
    """Return the measure of textual lexical diversity of McCarthy and Jarvis (2010, doi:10.3758/BRM.42.2.381).

    It is how many words in a row keep a ratio of types to words above `factor`, read forward and backward; what is
    left at the end is part of a factor. None where no word is ever repeated: it has no bound then.
    """
    return _mtld(len(words), _factors(words, factor), _factors(reversed(words), factor))


def _mtld(words: int, forward: float, backward: float) -> float | None:
    return (words / forward + words / backward) / 2 if forward and backward else None


def _factors(words: Iterable[str], factor: float) -> float:
    complete = count = 0
    types: set[str] = set()
    for word in words:
        count += 1
        types.add(word)
        if len(types) / count <= factor:
            complete += 1
            count = 0
            types.clear()
    return complete + ((1 - len(types) / count) / (1 - factor) if count else 0)


class Mtld:
    """The MTLD of all texts of at least `FEWEST` words: their words by their factors.

    A mean over texts would hang on the few in which hardly a word is repeated, and leave out those in which none is.
    """

    def __init__(self, language: str) -> None:
        self.signature = signature(
            "mtld", 1, language, case="lower", factor=FACTOR, texts=f">={FEWEST}words", pooled="texts"
        )
        self._texts = self._words = 0
        self._forward = self._backward = 0.0

    def look(self, text: Text) -> tuple[int, float, float] | None:
        """Return a text's words and its factors forward and backward, None where it is too short."""
        if len(text.words) < FEWEST:
            return None
        return len(text.words), _factors(text.words, FACTOR), _factors(reversed(text.words), FACTOR)

    def add(self, seen: tuple[int, float, float] | None) -> None:
        """Count what was seen of a text."""
        if seen is not None:
            words, forward, backward = seen
            self._texts += 1
            self._words += words
            self._forward += forward
            self._backward += backward

    def values(self) -> dict[str, float | None]:
        """Return the measure, and over how many texts it is."""
        return {"mtld": _mtld(self._words, self._forward, self._backward), "mtld_texts": self._texts}


class Distinct:
    """Distinct-1 and distinct-2 of Li et al. (2016, arXiv 1510.03055) over the first words of all texts.

    Distinct runs of n words, none of which reaches from one text into the next, as a share of all words.
    """

    def __init__(self, language: str, sample: int = SAMPLE) -> None:
        self.signature = signature("distinct", 1, language, case="lower", n="1,2", sample=f"first{sample}words")
        self._sample = sample
        self._left = sample
        self._ones: set[str] = set()
        self._twos: set[tuple[str, str]] = set()
        self._shares: tuple[float | None, float | None] = (None, None)

    def look(self, text: Text) -> list[str]:
        """Return a text's words."""
        return text.words

    def add(self, seen: list[str]) -> None:
        """Take in a text's words, of the last text only as far as the sample goes."""
        taken = seen[: self._left]
        if not taken:
            return
        self._left -= len(taken)
        self._ones.update(taken)
        self._twos.update(pairwise(taken))
        if not self._left:
            self._shares = len(self._ones) / self._sample, len(self._twos) / self._sample
            self._ones.clear()
            self._twos.clear()

    def values(self) -> dict[str, float | None]:
        """Return both shares, None where there are too few words."""
        return dict(zip(("distinct_1", "distinct_2"), self._shares, strict=True))
