"""How much a text repeats itself."""

from collections.abc import Sequence

from arbitrage_eval.measures.signature import signature
from arbitrage_eval.measures.words import Text

N = 4


def repetition(words: Sequence[str], n: int = N) -> float | None:
    """Return which share of a text's runs of n words were there before: seq-rep-n of Welleck et al. (2020).

    None where a text is shorter than n words. Source: "Neural text generation with unlikelihood training",
    arXiv 1908.04319, section 6.
    """
    runs = len(words) - n + 1
    return (runs - len({tuple(words[k : k + n]) for k in range(runs)})) / runs if runs > 0 else None


class Repetition:
    """The mean share of repeated runs of four words in texts that have one."""

    def __init__(self, language: str) -> None:
        self.signature = signature("repetition", 1, language, case="lower", n=N, mean="texts")
        self._total = 0.0
        self._texts = 0

    def look(self, text: Text) -> float | None:
        """Return a text's share, None where it is too short."""
        return repetition(text.words)

    def add(self, seen: float | None) -> None:
        """Count what was seen of a text."""
        if seen is not None:
            self._total += seen
            self._texts += 1

    def values(self) -> dict[str, float | None]:
        """Return the mean, and over how many texts it is."""
        return {
            "repetition": self._total / self._texts if self._texts else None,
            "repetition_texts": self._texts,
        }
