"""Named reasons why a translation is not one; pure functions of source and translation.

What stays as it is (code, addresses) and list marks are looked past, so that they condemn no text.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from arbitrage.checks.language import LanguageCheck
from arbitrage.checks.scripts import script_of, scripts_of
from arbitrage.translation.verbatim import has_words, prose

OUTCOMES = ("nothing_to_translate", "untranslated", "length", "language", "numbers")
LONGEST = 3.0
"""How many times as long as its source a translation may be, or the other way round."""
SLACK = 30
"""Characters beyond that: a short text may well become many times as long."""
SAME_WORDS = 0.8
"""Share of a translation's words that are its source's, from which on it counts as untranslated."""
FEW_WORDS = 4
"""A single turn of fewer words may be the same in both languages: a name, a number, OK."""
OWN_LETTERS = 0.5
"""Share of letters that have to be of the language's script; names and terms may well be of another."""
GROUPS = re.compile(r"(?<=\d)[.,'’ \u00a0\u202f\u066c](?=\d{3}(?!\d))")
"""What stands between thousands in some languages."""
WORD = re.compile(r"[^\W\d_]{2,}")
"""A single letter is mostly a formula's."""


def outcome(
    sources: Sequence[str],
    translations: Sequence[str],
    target: str,
    check: LanguageCheck | None = None,
    *,
    is_answer: bool = False,
) -> str | None:
    """Return why the translations of a prompt's texts are none, the first of `OUTCOMES`; None where they are.

    With a `check`, a text in another language of the same script is found too. An answer may well be code or a number
    alone, and one of a few words may be the same in both languages.
    """
    before, after = [prose(text) for text in sources], [prose(text) for text in translations]
    whole, translated = "\n".join(before), "\n".join(after)
    if not any(map(has_words, before)):
        return None if is_answer else "nothing_to_translate"
    single = [pair for pair in zip(before, after, strict=True) if len(WORD.findall(pair[0])) >= FEW_WORDS]
    if is_answer and not single and whole == translated:
        return None
    pairs = [(whole, translated), *single]
    if any(is_untranslated(*pair) for pair in pairs):
        return "untranslated"
    if any(is_out_of_proportion(*pair) for pair in pairs):
        return "length"
    if any(is_of_other_script(text, target) for _, text in pairs):
        return "language"
    if check is not None and any(check.judge(text, target).word == "wrong" for text in translations):
        return "language"
    if not Counter(_plain_numbers("\n".join(sources))) <= Counter(_plain_numbers("\n".join(translations))):
        return "numbers"
    return None


def is_untranslated(source: str, translation: str) -> bool:
    """Say whether a translation is its source, or has nearly nothing but the words of it."""
    before, after = Counter(_words(source)), Counter(_words(translation))
    if before == after:
        return bool(before) or source.casefold().split() == translation.casefold().split()
    # By their length, since text without blanks between words has few long ones.
    shared = sum(extent(word) * count for word, count in (before & after).items())
    whole = sum(extent(word) * count for word, count in after.items())
    return after.total() >= FEW_WORDS and shared >= SAME_WORDS * whole


def is_out_of_proportion(source: str, translation: str) -> bool:
    """Say whether a translation is far longer or shorter than its source."""
    before, after = extent(source), extent(translation)
    return after > LONGEST * before + SLACK or before > LONGEST * after + SLACK


def extent(text: Iterable[str]) -> int:
    """Return the length of a text in letters of an alphabet: a sign of Chinese, Japanese or Korean counts three."""
    return sum(3 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def is_of_other_script(text: str, language: str) -> bool:
    """Say whether most letters of a text are not of the language's scripts.

    Languages of one script are not told apart by this; nothing is said of a script that is not known.
    """
    own = scripts_of(language)
    letters = [char for char in text if char.isalpha()]
    found = extent(char for char in letters if script_of(char) in own)
    return bool(own) and found < OWN_LETTERS * extent(letters)


def _words(text: str) -> list[str]:
    return WORD.findall(text.casefold())


def _plain_numbers(text: str) -> list[str]:
    """Return the runs of digits in a text: 1,000.5 is 1 000,5 elsewhere, 4:30 is 4 h 30, and ٣ is 3."""
    found = re.findall(r"\d+", GROUPS.sub("", text))
    return ["".join(str(unicodedata.digit(digit)) for digit in number) for number in found]
