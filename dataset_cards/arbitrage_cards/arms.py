"""The arms of a manifest: which are published, which choose, how many rows they have."""

from collections.abc import Mapping
from typing import Any

from arbitrage_cards.escape import escape

TABLES = ("pool", "routes", "preferences")
# Routers that ask one teacher a prompt and so have nothing to choose from.
_ONE_TEACHER = ("single", "random", "fixed", "translation")
_MADE = "+"
"""Stands in the names of answers that were made from a teacher's, and in no teacher's."""


def ordered(manifest: Mapping[str, Any]) -> list[str]:
    """Return the names of all arms: the default first, then `random`, which others are compared with, then the rest."""
    first = (manifest["default_config"], "random")
    return sorted(manifest["arms"], key=lambda name: (first.index(name) if name in first else len(first), name))


def published(manifest: Mapping[str, Any]) -> list[str]:
    """Return the names of the arms that have a config."""
    return [name for name in ordered(manifest) if name in manifest["configs"]]


def rows_by_language(arm: Mapping[str, Any]) -> dict[str, int]:
    """Return an arm's rows by language."""
    return {language: sum(splits.values()) for language, splits in arm["rows"].items()}


def choosing(manifest: Mapping[str, Any]) -> list[str]:
    """Return the published arms that choose between teachers, and the default arm whatever it does."""
    return [
        name
        for name in published(manifest)
        if name == manifest["default_config"] or manifest["arms"][name]["router"] not in _ONE_TEACHER
    ]


def author(name: str) -> str:
    """Return the teacher whose answers stand under a name, or are what those under it were made from."""
    return name.partition(_MADE)[0]


def teachers_of(manifest: Mapping[str, Any]) -> list[str]:
    """Return the names of the teachers that answered, without those of answers that were made from theirs."""
    return [name for name in manifest["pool"]["teachers"] if author(name) == name]


def described(arm: Mapping[str, Any]) -> str:
    """Return what an arm does, in a few words of Markdown."""
    teacher = escape(arm["teacher"]) if arm["teacher"] else None
    known = {
        "random": "one teacher a prompt, drawn blindly",
        "single": f"always {teacher or 'the same teacher'}",
        "fixed": "one teacher for each language",
        "translation": f"{teacher or 'one teacher'} asked in one language, its answers machine-translated into the "
        "others",
        "reward": "all teachers asked, the best-rewarded answer kept",
        "learned": "asks the teachers it predicts to be best, keeps the best-rewarded answer",
        "budgeted": "asks in rounds while its budget lasts, keeps the best-rewarded answer",
    }
    return known.get(arm["router"], f"router {escape(arm['router'])}")


def wins(manifest: Mapping[str, Any], arm: str) -> tuple[list[str], list[str], dict[str, Mapping[str, int]]]:
    """Return the languages in which an arm has rows, the teachers of the pool, and rows by language and teacher."""
    chosen = manifest["arms"][arm]["chosen"]
    languages = [language for language in manifest["languages"] if any(chosen.get(language, {}).values())]
    teachers = sorted({*teachers_of(manifest), *(name for found in chosen.values() for name in found)})
    return languages, teachers, {language: chosen[language] for language in languages}


def by_rows(chosen: Mapping[str, Mapping[str, int]], teachers: list[str]) -> list[str]:
    """Return teachers, those with the most rows first."""
    return sorted(teachers, key=lambda teacher: (-sum(found.get(teacher, 0) for found in chosen.values()), teacher))


def teacher_serves(manifest: Mapping[str, Any], teacher: str, language: str) -> bool:
    """Say whether a teacher answered in a language."""
    return language in manifest["pool"]["teachers"].get(teacher, {}).get("languages", {})
