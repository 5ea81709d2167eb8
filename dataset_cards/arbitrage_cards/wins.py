"""Which teacher won where, and how many rows each arm has."""

from collections.abc import Mapping
from typing import Any

from arbitrage_cards.arms import by_rows, choosing, described, ordered, teacher_serves, wins
from arbitrage_cards.escape import escape
from arbitrage_cards.tables import ABSENT, count, details, listed, table

PICTURE = "assets/wins.png"


def pictured_arm(manifest: Mapping[str, Any]) -> str | None:
    """Return the arm whose wins are drawn: the default one, where it is an arm with rows."""
    names = choosing(manifest)
    return names[0] if names and wins(manifest, names[0])[0] else None


def wins_section(manifest: Mapping[str, Any]) -> str:
    """Return which teacher won where, for each published arm that chooses."""
    names = choosing(manifest)
    if not names:
        return ""
    lines = ["## Which teacher won where", ""]
    if pictured_arm(manifest):
        alt = f"Heat map: share of the prompts of each language that each teacher won in arm {escape(names[0])}"
        lines += [f"![{alt}]({PICTURE})", ""]
    lines += [f"Rows of arm `{names[0]}` by the teacher that wrote them; {ABSENT} where a teacher was not asked.", ""]
    lines.append(_table(manifest, names[0]))
    leaders = _leaders(manifest, names[0])
    if leaders:
        lines += ["", leaders]
    for name in names[1:]:
        lines += ["", details(f"Arm {escape(name)}: {described(manifest['arms'][name])}", _table(manifest, name))]
    return "\n".join(lines)


def _leaders(manifest: Mapping[str, Any], arm: str) -> str:
    """Say in how many languages each teacher has the most rows."""
    languages, teachers, chosen = wins(manifest, arm)
    most: dict[str, int] = {}
    for language in languages:
        top = max(chosen[language].values())
        for teacher in teachers:
            if chosen[language].get(teacher) == top:
                most[escape(teacher)] = most.get(escape(teacher), 0) + 1
    if len(languages) < 2:
        return ""
    return f"Languages of {len(languages)} in which a teacher has the most rows: {listed(most)}."


def _table(manifest: Mapping[str, Any], arm: str) -> str:
    languages, teachers, chosen = wins(manifest, arm)
    columns = {**chosen, "all": {teacher: sum(n.get(teacher, 0) for n in chosen.values()) for teacher in teachers}}
    if len(languages) == 1:
        del columns["all"]
    most = {language: max(found.values()) for language, found in columns.items()}
    rows = []
    for teacher in by_rows(chosen, teachers):
        cells = []
        for language, found in columns.items():
            rows_won = found.get(teacher, 0)
            asked = language == "all" or rows_won or teacher_serves(manifest, teacher, language)
            text = count(rows_won) if asked else ABSENT
            cells.append(f"**{text}**" if rows_won == most[language] else text)
        rows.append([escape(teacher), *cells])
    return table(["teacher", *map(escape, columns)], rows)


def rows_section(manifest: Mapping[str, Any]) -> str:
    """Return prompts and rows by arm, language and split."""
    rows, sums = [], []
    for name in ordered(manifest):
        arm = manifest["arms"][name]
        whole = [0, 0, 0]
        for language in manifest["languages"]:
            asked = sum(arm["asked"].get(language, {}).values())
            found = arm["rows"].get(language, {})
            numbers = [asked, found.get("train", 0), found.get("test", 0)]
            if asked:
                rows.append([escape(name), escape(language), *map(count, numbers)])
            whole = [total + number for total, number in zip(whole, numbers, strict=True)]
        why = listed({escape(why): n for why, n in arm["without_row"].items()})
        sums.append([escape(name), *map(count, whole), why])
    lines = ["## Rows", "", "A prompt without a usable answer gives no row.", ""]
    lines.append(table(["arm", "prompts", "train", "test", "without a row, by why"], sums))
    if len(manifest["languages"]) > 1:
        by_language = table(["arm", "language", "prompts", "train", "test"], rows)
        lines += ["", details("Rows by arm and language", by_language)]
    return "\n".join(lines)
