"""Whether texts are in the language that was asked for, as the Language Confusion Benchmark counts it.

Marchisio et al. (2024, arXiv 2406.20052): the line pass rate is the share of texts that have no line in another
language, the word pass rate the share of those that have no English word in them, LCPR their harmonic mean. Its rules
are kept in which lines and texts count. A line's language is told by the check `language` of builds, whose model comes
with this package, and not by fastText's; where nothing tells it, the line does not count.
"""

import importlib.metadata
import re
import string
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec

from arbitrage.checks.language import DISTRIBUTION, RULES, LanguageCheck
from arbitrage.checks.prose import FEWEST, PER_WORD
from arbitrage.checks.scripts import scripts_of
from arbitrage.errors import ArbitrageError

from arbitrage_eval.measures.signature import signature
from arbitrage_eval.measures.words import Text, unspaced, words

LineJudge = Callable[[str, str], bool | None]
"""Says whether a line is in a language, None where that cannot be told."""
MOST_LINES = 1_000
"""Lines of a text that are looked at; what one long text costs is bounded."""
_NEXT_QUESTION = "\nQ:"
"""Where base models that were shown questions with answers go on to ask the next one."""
_PUNCTUATION = str.maketrans("—", " ", string.punctuation + "،")
_ENGLISH = re.compile(r"[a-z]{4,}")
_ADDRESS = re.compile(r"(?:https?://|www\.)[!-~]+|[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,100}")


class Confusion:
    """Line and word pass rates.

    Args:
        language: that was asked for.
        judge: of lines, with its name for the signature.
        english: words that are errors in texts of other scripts, in small letters, with a name for the signature; the
            benchmark takes those of more than three letters in `/usr/share/dict/words`. Without it, an error is any
            word of more than three small letters from a to z.
    """

    def __init__(
        self,
        language: str,
        judge: tuple[str, LineJudge] | None = None,
        english: tuple[str, frozenset[str]] | None = None,
    ) -> None:
        name, self._judge = judge or (_name(), _by_check)
        vocabulary = english[0] if english else "a-z>3letters"
        self._english = english[1] if english else None
        self._language = language
        scripts = scripts_of(language)
        self._reads_words = bool(scripts) and "Latn" not in scripts
        self._fewest = FEWEST * PER_WORD if unspaced(language) else FEWEST
        self.signature = signature(
            "confusion",
            1,
            language,
            lines=f">={self._fewest}{'characters' if unspaced(language) else 'words'}",
            lid=name,
            **({"english": vocabulary} if self._reads_words else {}),
        )
        self._told = self._lines_pass = self._words_pass = 0

    def look(self, text: Text) -> tuple[bool | None, bool]:
        """Say whether every line that is long enough is in the language, and whether none has an English word in it.

        The first is None where no line tells; the second is looked at where all lines pass.
        """
        lines = text.text.partition(_NEXT_QUESTION)[0].strip().split("\n", MOST_LINES)[:MOST_LINES]
        long = [line for line in lines if len(self._tokens(line)) >= self._fewest]
        told = [self._judge(line, self._language) for line in long]
        if False in told or True not in told:
            return (False if False in told else None), False
        english = self._reads_words and any(
            self._is_english(token) for line in long for token in self._tokens(_ADDRESS.sub(" ", line))
        )
        return True, not english

    def add(self, seen: tuple[bool | None, bool]) -> None:
        """Count what was seen of a text."""
        lines_pass, words_pass = seen
        if lines_pass is not None:
            self._told += 1
            self._lines_pass += lines_pass
            self._words_pass += lines_pass and words_pass

    def values(self) -> dict[str, float | None]:
        """Return the rates and over how many texts they are; word pass and LCPR for other scripts than Latin alone."""
        lines = self._lines_pass / self._told if self._told else None
        found: dict[str, float | None] = {"line_pass": lines, "line_pass_texts": self._told}
        if self._reads_words:
            passed = self._words_pass / self._lines_pass if self._lines_pass else None
            lcpr = 2 * lines * passed / (lines + passed) if lines and passed is not None else None
            found |= {"word_pass": passed, "word_pass_texts": self._lines_pass, "lcpr": lcpr}
        return found

    def _tokens(self, line: str) -> list[str]:
        plain = line.translate(_PUNCTUATION)
        return words(plain) if unspaced(self._language) else plain.split()

    def _is_english(self, token: str) -> bool:
        return bool(_ENGLISH.fullmatch(token)) if self._english is None else token in self._english


def told(language: str) -> bool:
    """Say whether the check can find texts of a language right.

    Raises:
        ArbitrageError: lingua is not installed.
    """
    _name()
    return _check().tells(language)


def _name() -> str:
    if find_spec("lingua") is None:
        raise ArbitrageError(
            "the line pass rate needs lingua: pip install 'multilingual-arbitrage[language]', or leave out confusion"
        )
    return f"check{RULES}+lingua-{importlib.metadata.version(DISTRIBUTION)}"


def _by_check(line: str, language: str) -> bool | None:
    return {"right": True, "wrong": False, "unchecked": None}[_check().judge(line, language).word]


@cache
def _check() -> LanguageCheck:
    return LanguageCheck()
