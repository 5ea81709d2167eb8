"""What counts as a word, as a sentence and as a letter, in any language."""

import re
import sys
import unicodedata
from functools import cache
from typing import NamedTuple

from arbitrage.checks.scripts import UNSPACED, scripts_of

UNSPACED_RANGES = (
    "\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u303c"
    "\u3040-\u3096\u309d-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua9e0-\ua9fe\uaa60-\uaa7f\uf900-\ufaff"
    "\uff66-\uff9f\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
)
"""Where Unicode keeps the scripts that put no spaces between words: Thai, Lao, Tibetan, Burmese, Khmer, Han, kana."""
_ENDS = ".!?…。！？؟۔।॥።"
_SENTENCES = re.compile(rf"(?<![{_ENDS}])[{_ENDS}]++[\"'”’»)\]]*+(?=\s|$)|(?<=[。！？])|[\r\n]+")
_TURKIC = str.maketrans({"I": "ı", "İ": "i"})


class Text(NamedTuple):
    """A text of one language with its words in small letters."""

    text: str
    language: str
    words: list[str]


def read(text: str, language: str) -> Text:
    """Return a text with its words; half a surrogate pair, which is no character, is taken for U+FFFD."""
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return Text(whole, language, [lower(word, language) for word in words(whole)])


def words(text: str) -> list[str]:
    """Return the words of a text as they are written, after Unicode's normalisation NFC.

    A word is a run of letters, digits and their marks, which an apostrophe, a hyphen or a joiner may hold together,
    and a point or comma between digits; in a script without spaces each character is one, with its marks.
    """
    return _pattern().findall(unicodedata.normalize("NFC", text))


def sentences(text: str) -> int:
    """Return how many sentences hold a word; they end at a full stop or its like before a space, and with a line."""
    return sum(1 for part in _SENTENCES.split(text) if _pattern().search(part))


def lower(word: str, language: str) -> str:
    """Return a word without case; Turkish and Azerbaijani have two letters i."""
    return (word.translate(_TURKIC) if language.partition("-")[0] in ("tr", "az") else word).lower()


def letters(word: str) -> int:
    """Return how many letters and digits a word has, without apostrophes, hyphens and marks."""
    return sum(map(str.isalnum, word))


def unspaced(language: str) -> bool:
    """Say whether a language is written without spaces between words, so that its characters are counted instead."""
    return bool(scripts_of(language) & UNSPACED)


def segmentation(language: str) -> str:
    """Return the name of what is counted as a word."""
    return "characters" if unspaced(language) else "runs"


@cache
def _pattern() -> re.Pattern[str]:
    marks = "".join(character for character in map(chr, range(sys.maxunicode + 1)) if _is_mark(character))
    letter = rf"[^\W_{UNSPACED_RANGES}][{marks}]*"
    joined = r"(?:['’\u00ad\u200c\u200d-]|(?<=\d)[.,](?=\d))?"
    return re.compile(rf"(?=[^\W_])[{UNSPACED_RANGES}][{marks}]*|{letter}(?:{joined}{letter})*")


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] == "M"
