"""What the licences of a dataset, its teachers and its prompts ask."""

from collections.abc import Mapping
from typing import Any

from arbitrage_cards.arms import teachers_of
from arbitrage_cards.escape import escape
from arbitrage_cards.licenses import license_of
from arbitrage_cards.tables import ABSENT, table

REASON = 1000
"""Characters of a reason that are quoted."""


def licence_section(manifest: Mapping[str, Any]) -> str:
    """Return the dataset's licence and what those that it rests on ask."""
    lines = ["## Licence", "", f"This dataset, as its recipe states: **{linked(manifest['license'])}**."]
    conflicts = _conflicts(manifest)
    if conflicts:
        lines += ["", "These, which it is made from, ask for more than that:", "", *conflicts]
    reason = manifest["recipe"].get("license_override")
    if reason:
        lines += ["", "The recipe states a reason for its own licence:", "", f"> {escape(reason, REASON)}"]
    lines += ["", table(["licence", "of", "what it asks"], _rows(manifest)), ""]
    lines.append(
        "The last column is a reader's summary and no legal advice; the licence's own words count. Licences of "
        "teachers, prompts and translators are those that the recipe states."
    )
    return "\n".join(lines)


def _conflicts(manifest: Mapping[str, Any]) -> list[str]:
    found = manifest.get("license_conflicts")
    lines = []
    for part in found if isinstance(found, list) else []:
        if isinstance(part, Mapping) and isinstance(part.get("asks"), list):
            asks = ", ".join(escape(word, 40) for word in part["asks"])
            lines.append(f"- {escape(part.get('what'))}, {escape(part.get('license'))}: {asks}")
    return lines


def linked(license_id: str) -> str:
    """Return a licence's id with its link, where there is one."""
    found = license_of(license_id)
    return f"[{escape(license_id)}]({found.link})" if found and found.link else escape(license_id)


def _rows(manifest: Mapping[str, Any]) -> list[list[str]]:
    recipe = manifest["recipe"]
    holders: dict[str | None, tuple[list[str], list[str], list[str]]] = {}
    for name in sorted(teachers_of(manifest)):
        stated = recipe.get("teachers", {}).get(name, {}).get("license")
        holders.setdefault(stated, ([], [], []))[0].append(escape(name))
    for source in recipe.get("prompts", []):
        whose = escape(source.get("path", ABSENT))
        of = holders.setdefault(source.get("license"), ([], [], []))[1]
        if whose not in of:
            of.append(whose)
    translate = recipe.get("translate")
    if isinstance(translate, Mapping) and translate.get("model"):
        translators = holders.setdefault(translate.get("license"), ([], [], []))[2]
        translators.append(escape(translate["model"]))
    return [
        [linked(stated) if stated else "not stated", _holders(*whose), _duty(stated)]
        for stated, whose in sorted(holders.items(), key=lambda item: (item[0] is None, item[0] or ""))
    ]


def _holders(teachers: list[str], sources: list[str], translators: list[str]) -> str:
    parts = [f"{'teachers' if len(teachers) > 1 else 'teacher'} {', '.join(teachers)}"] if teachers else []
    parts += [f"prompts of {', '.join(sources)}"] if sources else []
    parts += [f"translator {', '.join(translators)}"] if translators else []
    return "; ".join(parts)


def _duty(stated: str | None) -> str:
    found = license_of(stated)
    if found is None:
        return "not known: ask the owner" if stated is None else "not known here: read it"
    return escape(found.duty, 500) if found.duty else ("nothing" if not found.asks else "read it")
