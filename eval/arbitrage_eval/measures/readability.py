"""How hard texts are to read, in the languages for which somebody has tested the formula.

LIX: words a sentence and the percentage of words of more than six letters, added (Björnsson 1968). RIX: such words a
sentence (Anderson 1983, "Lix and Rix: variations on a little-known readability index"). Fog: two fifths of the sum of
words a sentence and the percentage of words of three syllables or more (Gunning 1952), for English alone.
"""

import re

from arbitrage_eval.measures.signature import signature
from arbitrage_eval.measures.words import Text, letters, sentences

TESTED = frozenset("da de el en es fi fr it nb nn no pt ru sv".split())
"""Languages in which LIX was tested: those of Björnsson, "Readability of newspapers in 11 languages" (1983,
doi:10.2307/747382), and Greek (Anderson 1981, ERIC ED207022)."""
LONG, COMPLEX = 6, 3
_VOWELS = re.compile(r"[aeiouyàâäæáåèéêëìíîïòóôöøœùúûüýÿ]+")
_MUTE = re.compile(r"(?:(?<!l)|(?<=[aeiouyl]l))(?:e|(?<![td])ed|(?<![sxzcg])(?<!sh)(?<!ch)es)$")


class Readability:
    """LIX and RIX of all texts read as one, and Gunning's fog of English ones."""

    def __init__(self, language: str) -> None:
        self._english = language.partition("-")[0] == "en"
        syllables = {"complex": f">={COMPLEX}syllables", "syllables": "vowel-groups"} if self._english else {}
        self.signature = signature("readability", 1, language, long=f">{LONG}letters", **syllables, pooled="texts")
        self._words = self._sentences = self._long = self._complex = 0

    def look(self, text: Text) -> tuple[int, int, int, int]:
        """Return a text's words and sentences, its long words, and its complex ones in English."""
        long = sum(letters(word) > LONG for word in text.words)
        many = sum(syllables(word) >= COMPLEX for word in text.words) if self._english else 0
        return len(text.words), sentences(text.text), long, many

    def add(self, seen: tuple[int, int, int, int]) -> None:
        """Count what was seen of a text."""
        words, sentences, long, many = seen
        self._words += words
        self._sentences += sentences
        self._long += long
        self._complex += many

    def values(self) -> dict[str, float | None]:
        """Return the indices, None where there is no word."""
        found: dict[str, float | None] = {"lix": None, "rix": None, "fog": None}
        if self._words:
            a_sentence = self._words / self._sentences
            found["lix"] = a_sentence + 100 * self._long / self._words
            found["rix"] = self._long / self._sentences
            found["fog"] = 0.4 * (a_sentence + 100 * self._complex / self._words)
        if not self._english:
            del found["fog"]
        return found


def syllables(word: str) -> int:
    """Return the syllables of an English word in small letters: its groups of vowels, without a mute e at its end.

    Mute are `e`, `es` after what does not hiss, and `ed` after neither t nor d; the e of `-ble` and its like is not.
    """
    return sum(
        max(1, len(_VOWELS.findall(_MUTE.sub("", part)))) for part in word.split("-") if not part.isdigit() and part
    )


def tested(language: str) -> bool:
    """Say whether these indices are known to mean something in a language."""
    bare, _, script = language.partition("-")
    return bare in TESTED and not (script and script != {"ru": "Cyrl", "el": "Grek"}.get(bare, "Latn"))
