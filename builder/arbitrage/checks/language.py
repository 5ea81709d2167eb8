"""The check `language`: whether an answer is in the language that was asked for, line by line.

Lingua tells languages that share a script, a script of its own tells the rest, and a function of the recipe's tells
what neither knows. What cannot be told is `unchecked`, and never flagged.
"""

import importlib.metadata
import importlib.util
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from arbitrage.checks.prose import Line, prose
from arbitrage.checks.scripts import DECIDES, HAN, KANA, script_of, scripts_of
from arbitrage.errors import CheckError, RecipeError
from arbitrage.extension import load_object, source_hash
from arbitrage.identity import content_id
from arbitrage.recipe.model import Recipe
from arbitrage.records import Prompt

if TYPE_CHECKING:
    from lingua import LanguageDetector

Word = Literal["right", "wrong", "unchecked"]
Detect = Callable[[str], str | None]
DISTRIBUTION = "lingua-language-detector"
EXPECTED = "answer_language"
"""The carried column that says in which language an answer is wanted, where it is not the prompt's."""

RULES = 1
"""Raise it when the same answer may be judged otherwise: stored verdicts are then made again."""
COMPARED = (
    "ar be bg bn cs da de en es fa fi fr hi hr hu id it ja kk ko mk mr nl pl pt ro ru sr sv sw tl tr uk ur vi zh"
).split()
"""Languages that an answer is compared with beside those of the recipe: what teachers know best, and drift into."""
ALIKE = [("bs", "hr", "sr"), ("nb", "nn", "no"), ("id", "ms"), ("fa", "prs"), ("tl", "fil")]
"""Languages that a few words do not tell apart; one is taken for the other."""
NAMES = {"no": "nb", "fil": "tl", "prs": "fa", "sh": "sr"}
"""Codes for which lingua has another."""
WRONG_BELOW = 0.05
"""A line is wrong where the language asked for is less likely than this, and right where it is likelier than not."""
SHORT = 120
"""Characters below which a line that seems wrong is looked at again: small models err on short lines."""
STILL_BELOW = 0.2
"""Such a line is wrong where the language asked for is less likely than this against the other one alone."""
IDEOGRAPHS = 20
"""A line of Japanese this long has kana in it."""


class Verdict(NamedTuple):
    """What the check says of an answer."""

    word: Word
    found: str | None = None
    """The language, or else the script, of most wrong lines."""
    lines: int = 0
    """Lines whose language could be told."""
    wrong: int = 0
    """Lines among them that are in another language."""


class LanguageCheck:
    """Judges answers; what it says depends on the answer, its prompt, the language and `key` alone."""

    def __init__(
        self,
        languages: Iterable[str] = (),
        detect: Detect | None = None,
        hook: str | None = None,
        revision: str | None = None,
    ) -> None:
        bare = {language.partition("-")[0] for language in languages}
        self._compared = sorted({NAMES.get(code, code) for code in {*COMPARED, *bare}} & set(_lingua()))
        self._detect = detect
        self._hook = hook
        self._detectors: dict[str, LanguageDetector] = {}
        self.facts: dict[str, Any] = {
            "rules": RULES,
            "detector": "lingua",
            "version": importlib.metadata.version(DISTRIBUTION),
        }
        if hook is not None:
            self.facts |= {"language_check": hook, "language_check_revision": revision or "unverified"}

    @cached_property
    def key(self) -> str:
        """The identity of its verdicts, apart from the answer's and the expected language's."""
        return content_id("language", **self.facts)

    def judge(self, text: str, language: str, prompt: str = "") -> Verdict:
        """Say whether an answer is in a language.

        Raises:
            CheckError: the recipe's own function raised, or returned what is no language.
        """
        found: Counter[str] = Counter()
        told = 0
        for line in prose(text, prompt):
            other = self._other(line, language)
            if other is not None:
                told += 1
                if other:
                    found[other] += 1
        if not told:
            return Verdict("unchecked")
        if not found:
            return Verdict("right", None, told)
        most = max(sorted(found), key=lambda name: found[name])
        return Verdict("wrong", most, told, found.total())

    def tells(self, language: str) -> bool:
        """Say whether it can find answers in this language right, rather than leave each unchecked."""
        bare, scripts = language.partition("-")[0], scripts_of(language)
        own = any(script == KANA or DECIDES.get(script) == bare or _own(bare, script) for script in scripts)
        return own or self._detect is not None

    def _other(self, line: Line, language: str) -> str | None:
        """Return what other language a line is in, an empty string for none, None where that cannot be told."""
        bare = language.partition("-")[0]
        scripts = scripts_of(language)
        if not scripts:
            return self._asked(line, bare)
        if line.script == HAN and scripts >= {HAN, KANA}:
            has_kana = any(script_of(letter) == KANA for letter in line.text)
            return None if has_kana or len(line.text) < IDEOGRAPHS else "zh"
        if line.script not in scripts:
            return DECIDES.get(line.script) or ("ja" if line.script == KANA else self._named(line, bare))
        if line.script == KANA or DECIDES.get(line.script) == bare:
            return ""
        own = _own(bare, line.script)
        if not own:
            return self._asked(line, bare)
        values = self._detector(bare).compute_language_confidence_values(line.text)
        likely = sum(value.value for value in values if _code(value.language) in own)
        if likely > 0.5:
            return ""
        other = _code(values[0].language)
        if likely >= WRONG_BELOW or (len(line.text) < SHORT and self._against(line, own, other) >= STILL_BELOW):
            return None
        return other

    def _against(self, line: Line, own: set[str], other: str) -> float:
        """Return how likely the expected language is when it is compared with one other by the large models."""
        names = _lingua()
        key = " ".join(sorted({*own, other}))
        if key not in self._detectors:
            from lingua import LanguageDetectorBuilder

            languages = [names[code] for code in key.split() if code in names]
            self._detectors[key] = LanguageDetectorBuilder.from_languages(*languages).build()
        values = self._detectors[key].compute_language_confidence_values(line.text)
        return sum(value.value for value in values if _code(value.language) != other)

    def _named(self, line: Line, bare: str) -> str:
        """Return the language of a line whose script alone says that it is not the expected one."""
        if line.script == HAN:
            return "zh"
        best = self._detector(bare).detect_language_of(line.text)
        return line.script if best is None else _code(best)

    def _asked(self, line: Line, bare: str) -> str | None:
        """Ask the recipe's own function."""
        if self._detect is None:
            return None
        try:
            said = self._detect(line.text)
        except Exception as error:
            raise CheckError(f"language_check: {self._hook} raised {type(error).__name__}: {error}") from error
        if said is None:
            return None
        if not isinstance(said, str) or not said:
            raise CheckError(f"language_check: {self._hook} returned {said!r:.80}: return a language's code, or None")
        other = said.partition("-")[0]
        return "" if other == bare else other[:20]

    def _detector(self, bare: str) -> "LanguageDetector":
        if bare not in self._detectors:
            from lingua import LanguageDetectorBuilder

            names = _lingua()
            codes = sorted({*self._compared, *_group(bare)} & set(names))
            # Its small models: the large ones take ten times the memory and six times as long.
            builder = LanguageDetectorBuilder.from_languages(*(names[code] for code in codes))
            self._detectors[bare] = builder.with_low_accuracy_mode().build()
        return self._detectors[bare]


def make_language_check(recipe: Recipe, folder: Path) -> LanguageCheck | None:
    """Return the check of a recipe, None where it has none.

    Raises:
        RecipeError: lingua is not installed, or the recipe's own function cannot be loaded.
    """
    if "language" not in recipe.checks:
        return None
    if importlib.util.find_spec("lingua") is None:
        raise RecipeError(
            "checks: language needs lingua: pip install 'multilingual-arbitrage[language]', or take it out of checks:"
        )
    if recipe.language_check is None:
        return LanguageCheck(recipe.languages)
    detect = load_object(recipe.language_check, folder, "language_check")
    if not callable(detect):
        raise RecipeError(f"language_check: {recipe.language_check} is no function that takes a text")
    return LanguageCheck(recipe.languages, detect, recipe.language_check, source_hash(detect))


def expected_language(prompt: Prompt) -> str:
    """Return the language that a prompt wants to be answered in: its own, unless its row carries another."""
    wanted = prompt.columns.get(EXPECTED)
    return wanted if isinstance(wanted, str) and wanted else prompt.language


@cache
def _lingua() -> Mapping[str, Any]:
    """Return lingua's languages by their two-letter codes."""
    from lingua import Language

    return {_code(language): language for language in Language.all()}


def _code(language: Any) -> str:
    return str(language.iso_code_639_1.name).lower()


def _group(bare: str) -> set[str]:
    """Return a language's code with those that it is not told apart from."""
    group = {NAMES.get(bare, bare)}
    for alike in ALIKE:
        if bare in alike or group & set(alike):
            group |= {NAMES.get(code, code) for code in alike}
    return group


def _own(bare: str, script: str) -> set[str]:
    """Return the codes under which lingua knows a language in a script, none where it does not know it there."""
    if NAMES.get(bare, bare) not in _lingua():
        return set()
    in_script = {"az": "Latn", "kk": "Cyrl", "mn": "Cyrl", "pa": "Guru", "ms": "Latn", "ku": "Latn"}
    return _group(bare) if in_script.get(bare, script) == script else set()
