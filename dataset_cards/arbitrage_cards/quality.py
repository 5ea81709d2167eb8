"""What was looked for in prompts and answers: near-duplicates, items of evaluation sets, other languages."""

from collections.abc import Mapping
from typing import Any

from arbitrage_cards.escape import escape
from arbitrage_cards.tables import ABSENT, count, details, listed, number, table


def contamination_section(manifest: Mapping[str, Any]) -> str:
    """Return which evaluation sets prompts were compared with, and what was found."""
    lines = ["## Near-duplicates and evaluation sets", "", _near(manifest), ""]
    facts = manifest.get("contamination")
    sets = _mapping(_mapping(facts).get("sets"))
    if not sets:
        lines.append("No evaluation set was checked: prompts may hold items of what a student is evaluated on.")
        return "\n".join(lines)
    rows = []
    for name, found in sorted(sets.items()):
        numbers = [count(_number(found, key)) for key in ("items", "too_short")]
        prompts = _counts(_mapping(found).get("prompts"))
        held = listed({escape(language): n for language, n in prompts.items()})
        rows.append([escape(name), *numbers, count(sum(prompts.values())), held])
    header = ["evaluation set", "items", "too short to look for", "prompts that hold one", "by language"]
    lines += [table(header, rows), ""]
    removed = _mapping(facts).get("action") == "remove"
    lines.append(
        ("Prompts that hold an item were removed, with all their translations. " if removed else "")
        + "A prompt holds an item when 13 words of it in a row are in the prompt, or half of its pairs of words close "
        "together (26 characters, and runs of four, where there are no spaces between words)."
        + ("" if removed else " They are still in this dataset.")
    )
    return "\n".join(lines)


def _near(manifest: Mapping[str, Any]) -> str:
    threshold = number(manifest["recipe"].get("near_duplicates"))
    if threshold is None:
        return "Near-duplicate prompts were not looked for."
    return (
        f"Instructions that are {100 * threshold:.4g} % the same as an earlier one in the same language (pairs of "
        "words that they share, or runs of four characters) were removed, with all their translations."
    )


def language_section(manifest: Mapping[str, Any]) -> str:
    """Return what the language check said, by the language that was asked for."""
    facts = _mapping(manifest.get("language_check"))
    languages = _mapping(facts.get("languages"))
    if not languages:
        return ""
    rows = [_row(language, _mapping(found)) for language, found in sorted(languages.items())]
    header = ["language", "right", "wrong", "unchecked", "answers right", "lines", "lines right", "wrong ones are in"]
    detector = " ".join(escape(facts.get(key, ABSENT)) for key in ("detector", "version"))
    own = facts.get("language_check")
    whole = table(header, rows)
    lines = ["## Language of the answers", "", details("By language", whole) if len(rows) > 10 else whole, ""]
    lines.append(
        f"Told line by line by {detector} and by script"
        + (f", where neither knows a language by {escape(own)}" if own else "")
        + ". An answer is wrong when one of its lines is in another language; code, links, quotes and lists of names "
        "are not looked at. Unchecked answers are too short, or in a language that cannot be told: they are never "
        "flagged, and count neither as right nor as wrong."
    )
    return "\n".join(lines)


def _row(language: str, found: Mapping[str, Any]) -> list[str]:
    right, wrong, unchecked, lines, bad = (
        _number(found, key) for key in ("right", "wrong", "unchecked", "lines", "wrong_lines")
    )
    shares = [_share(right, wrong), _share(None if lines is None or bad is None else lines - bad, bad)]
    others = listed({escape(other): n for other, n in _counts(found.get("found")).items()})
    return [
        escape(language),
        *map(count, (right, wrong, unchecked)),
        shares[0],
        count(lines),
        shares[1],
        others,
    ]


def _share(good: int | None, bad: int | None) -> str:
    if good is None or bad is None or good + bad == 0:
        return ABSENT
    return f"{100 * good / (good + bad):.1f} %"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(found: Any, key: str) -> int | None:
    value = _mapping(found).get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _counts(value: Any) -> dict[str, int]:
    return {name: n for name, n in _mapping(value).items() if isinstance(n, int) and not isinstance(n, bool)}
