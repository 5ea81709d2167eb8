"""Who answered: revisions and licences, settings, tokens and money, checks and failures."""

from collections.abc import Mapping
from typing import Any

from arbitrage_cards.arms import author, teachers_of
from arbitrage_cards.escape import escape
from arbitrage_cards.licence import linked
from arbitrage_cards.tables import ABSENT, count, details, listed, number, table
from arbitrage_cards.translation import translated_answers

PROMPT = 300
"""Characters of a system prompt that are shown."""


def teachers_section(manifest: Mapping[str, Any]) -> str:
    """Return who answered, at which revision and under which licence."""
    rows = []
    for name, answers in sorted(manifest["pool"]["teachers"].items()):
        recipe = manifest["recipe"].get("teachers", {}).get(author(name), {})
        for served in answers["served"]:
            revision = served["revision"]
            who = [name, served["model"], revision[:12] if len(revision) >= 40 else revision]
            licence = linked(recipe["license"]) if recipe.get("license") else "not stated"
            rows.append([*map(escape, who), count(served["answers"]), licence, escape(recipe.get("group") or ABSENT)])
    header = ["teacher", "model", "revision", "answers", "licence", "group"]
    left_out = manifest.get("left_out")
    names = ", ".join(map(escape, left_out)) if isinstance(left_out, list) else ""
    gone = ["", f"Left out of this build, with all that they had answered: {names}."] if names else []
    return "\n".join(
        [
            "## Teachers",
            "",
            table(header, rows),
            "",
            "Revisions are cut to twelve digits here; `manifest.json` and the column `revision` of `pool` have them "
            "whole. What the licences ask stands under Licence.",
            *gone,
            *translated_answers(manifest),
        ]
    )


def tokens_section(manifest: Mapping[str, Any]) -> str:
    """Return tokens and money by teacher, and which answers were imported."""
    costs = _mapping(manifest.get("cost_usd"))
    imported = _mapping(manifest.get("imported"))
    rows = []
    for name in sorted(teachers_of(manifest)):
        by_language = manifest["pool"]["teachers"][name]["languages"].values()
        counted = sum(found["tokens_counted"] for found in by_language)
        tokens = [
            count(sum(found[key] for found in by_language) if counted else None)
            for key in ("prompt_tokens", "completion_tokens")
        ]
        cost = number(costs.get(name))
        answered = sum(found["answers"] for found in by_language)
        spent = [count(answered), count(counted), *tokens, ABSENT if cost is None else f"{cost:.2f}"]
        rows.append([escape(name), *spent])
        if imported:
            rows[-1].append(listed({escape(source): n for source, n in _counts(imported.get(name)).items()}))
    others = _others(manifest)
    header = "teacher,answers,with counted tokens,prompt tokens,completion tokens,USD".split(",")
    lines = ["## Tokens and money", "", table([*header, "imported from"] if imported else header, rows), ""]
    if others:
        header = "paid beside them,answers,with counted tokens,prompt tokens,completion tokens,USD".split(",")
        lines += [table(header, others), ""]
    lines.append(
        "Tokens are those that servers counted. Money is known where a price by tokens was given and every token was "
        "counted."
    )
    if imported:
        lines[-1] += " Imported answers were not asked for by the build that made this dataset."
    if any(row[3] == ABSENT for row in others):
        lines[-1] += f" Where nobody counted, it is not known ({ABSENT})."
    return "\n".join(lines)


def _others(manifest: Mapping[str, Any]) -> list[list[str]]:
    """Return rows of those who were asked over the wire beside the teachers: a translator, and rewards."""
    found = {"the translator": _mapping(manifest.get("translation")).get("paid")}
    for name, facts in _mapping(manifest.get("scoring")).items():
        found[f"reward {escape(name)}"] = _mapping(facts).get("paid")
    rows = []
    for name, paid in found.items():
        if isinstance(paid, Mapping):
            numbers = [number(paid.get(key)) for key in ("answers", "tokens_counted")]
            tokens = [number(paid.get(key)) for key in ("prompt_tokens", "completion_tokens")]
            cost = number(paid.get("usd"))
            counts = [ABSENT if n is None else count(int(n)) for n in (*numbers, *tokens)]
            rows.append([name, *counts, ABSENT if cost is None else f"{cost:.2f}"])
    return rows


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _counts(value: Any) -> dict[str, int]:
    return {source: n for source, n in _mapping(value).items() if isinstance(n, int)}


def sampling_section(manifest: Mapping[str, Any]) -> str:
    """Return how teachers sampled, and their system prompts."""
    recipe = manifest["recipe"]
    everywhere = {key: value for key, value in _mapping(recipe.get("sampling")).items() if value != []}
    settings = [("all", everywhere)] if everywhere else []
    prompts = []
    for name, teacher in sorted(recipe.get("teachers", {}).items()):
        own = {key: value for key, value in (teacher.get("sampling") or {}).items() if value != everywhere.get(key, [])}
        own |= {key: teacher[key] for key in ("format", "extra") if teacher.get(key)}
        if own.get("format") == "chat":
            del own["format"]
        if own:
            settings.append((name, own))
        for language, text in sorted(_mapping(teacher.get("system")).items()):
            prompts.append([escape(name), escape(language), escape(text, PROMPT)])
    if not settings and not prompts:
        return ""
    lines = ["## Sampling"]
    if settings:
        rows = [
            [escape(name), ", ".join(f"{escape(key)} {escape(value)}" for key, value in sorted(values.items()))]
            for name, values in settings
        ]
        lines += ["", table(["teacher", "settings"], rows)]
    if prompts:
        lines += ["", details("System prompts", table(["teacher", "language", "system prompt"], prompts))]
    else:
        lines += ["", "No teacher was given a system prompt by the recipe."]
    return "\n".join(lines)


def answers_section(manifest: Mapping[str, Any]) -> str:
    """Return checks and failures by teacher and language."""
    rows, sums = [], []
    for name, teacher in sorted(manifest["pool"]["teachers"].items()):
        found = [
            teacher["languages"][language] for language in manifest["languages"] if language in teacher["languages"]
        ]
        sums.append([escape(name), *_outcome(found)])
        for language in manifest["languages"]:
            if language in teacher["languages"]:
                rows.append([escape(name), escape(language), *_outcome([teacher["languages"][language]])])
    header = ["answers", "usable", "checks", "failures"]
    lines = ["## Checks and failures", "", table(["teacher", *header], sums)]
    if len(manifest["languages"]) > 1:
        by_language = table(["teacher", "language", *header], rows)
        lines += ["", details("Checks and failures by teacher and language", by_language)]
    return "\n".join(lines)


def _outcome(found: list[Mapping[str, Any]]) -> list[str]:
    sums = {}
    for key in ("checks", "errors"):
        names = {name for answers in found for name in answers[key]}
        sums[key] = listed({escape(name): sum(answers[key].get(name, 0) for answers in found) for name in names})
    counts = [count(sum(answers[key] for answers in found)) for key in ("answers", "usable")]
    return [*counts, sums["checks"], sums["errors"]]
