"""How long texts are."""

from arbitrage_eval.measures.signature import signature
from arbitrage_eval.measures.words import Text


class Length:
    """Mean characters (Unicode code points) and mean words of a text; empty texts count."""

    def __init__(self, language: str) -> None:
        self.signature = signature("length", 1, language, mean="texts")
        self._texts = self._empty = self._characters = self._words = 0

    def look(self, text: Text) -> tuple[bool, int, int]:
        """Return whether a text is empty, its characters and its words."""
        return not text.text.strip(), len(text.text), len(text.words)

    def add(self, seen: tuple[bool, int, int]) -> None:
        """Count what was seen of a text."""
        empty, characters, words = seen
        self._texts += 1
        self._empty += empty
        self._characters += characters
        self._words += words

    def values(self) -> dict[str, float | None]:
        """Return how many texts there were, how many of them empty, and the two means."""
        return {
            "texts": self._texts,
            "empty": self._empty,
            "characters": self._characters / self._texts if self._texts else None,
            "words": self._words / self._texts if self._texts else None,
        }
