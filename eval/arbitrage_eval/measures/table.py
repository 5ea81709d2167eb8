"""All measures of rows of many languages and teachers, as one table of plain values; texts are read one at a time."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from arbitrage.errors import ArbitrageError

from arbitrage_eval.measures import confusion, readability
from arbitrage_eval.measures.confusion import Confusion
from arbitrage_eval.measures.diversity import Distinct, Mtld
from arbitrage_eval.measures.length import Length
from arbitrage_eval.measures.near import NearDuplicates
from arbitrage_eval.measures.readability import Readability
from arbitrage_eval.measures.repetition import Repetition
from arbitrage_eval.measures.words import Text, read


class Measure(Protocol):
    """Takes in texts of one language one by one."""

    signature: str

    def look(self, text: Text) -> Any:
        """Return what the measure needs of a text; it depends on the text and its language alone."""

    def add(self, seen: Any) -> None:
        """Count what was seen of a text."""

    def values(self) -> Mapping[str, float | None]:
        """Return the figures so far, None for what too few texts were seen of."""


class Group(NamedTuple):
    """Texts whose figures are told together: those of a teacher in a language, or all of the language."""

    language: str
    teacher: str | None


STREAMED: dict[str, Callable[[str], Measure]] = {
    "length": Length,
    "mtld": Mtld,
    "distinct": Distinct,
    "readability": Readability,
    "confusion": Confusion,
    "repetition": Repetition,
}
NEAR = "near_duplicates"
MEASURES = (*STREAMED, NEAR)
DEFINED: dict[str, Callable[[str], bool]] = {"readability": readability.tested, "confusion": confusion.told}
"""Where a measure means nothing in some languages: it is absent there."""


def measure(name: str, texts: Iterable[str], language: str) -> dict[str, Any]:
    """Return one measure of texts of one language, with its signature; nothing where it is not defined for it.

    Raises:
        ArbitrageError: there is no such measure, or what it needs is not installed.
    """
    _refuse_unknown([name])
    if name == NEAR:
        near = NearDuplicates()
        for text in texts:
            near.add("", read(text, language))
        return {NEAR: near.shares().get(""), "signature": near.signature(language)}
    if name in DEFINED and not DEFINED[name](language):
        return {}
    one = STREAMED[name](language)
    for text in texts:
        one.add(one.look(read(text, language)))
    return {**one.values(), "signature": one.signature}


def measure_table(rows: Iterable[tuple[str, str, str]], measures: Collection[str] = MEASURES) -> dict[str, Any]:
    """Return the measures of each language, and of each teacher in it, from rows of language, teacher and text.

    A figure that is None could not be had from these texts; one that is absent is not defined for the language. Two
    figures compare where the language's signatures of that measure are the same, and its texts answer the same prompts.

    Raises:
        ArbitrageError: there is no such measure, or what one needs is not installed.
    """
    _refuse_unknown(measures)
    defined: dict[str, list[str]] = {}
    groups: dict[Group, list[Measure]] = {}
    near = NearDuplicates() if NEAR in measures else None
    for language, teacher, text in rows:
        if language not in defined:
            wanted = [name for name in STREAMED if name in measures]
            defined[language] = [name for name in wanted if name not in DEFINED or DEFINED[name](language)]
        said = read(text, language)
        whole, part = Group(language, None), Group(language, teacher)
        for group in (whole, part):
            if group not in groups:
                groups[group] = [STREAMED[name](language) for name in defined[language]]
            if near:
                near.add(json.dumps(group), said)
        for of_all, of_teacher in zip(groups[whole], groups[part], strict=True):
            seen = of_all.look(said)
            of_all.add(seen)
            of_teacher.add(seen)
    shares = near.shares() if near else {}
    figures: dict[Group, dict[str, float | None]] = {}
    for group, found in groups.items():
        figures[group] = {name: value for one in found for name, value in one.values().items()}
        if near:
            figures[group][NEAR] = shares.get(json.dumps(group))
    languages: dict[str, Any] = {}
    for language, names in sorted(defined.items()):
        of_language = groups[Group(language, None)]
        signatures = {name: one.signature for name, one in zip(names, of_language, strict=True)}
        if near:
            signatures[NEAR] = near.signature(language)
        teachers = sorted(group.teacher for group in groups if group.language == language and group.teacher is not None)
        languages[language] = {
            "signatures": signatures,
            "all": figures[Group(language, None)],
            "teachers": {teacher: figures[Group(language, teacher)] for teacher in teachers},
        }
    return {"languages": languages}


def _refuse_unknown(measures: Collection[str]) -> None:
    unknown = sorted(set(measures) - set(MEASURES))
    if unknown:
        raise ArbitrageError(f"there is no measure {unknown[0]!r:.40}: there are {', '.join(MEASURES)}")
