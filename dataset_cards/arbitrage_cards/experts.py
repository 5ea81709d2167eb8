"""Whom arms with one teacher a language ask, and what the pilot that found them cost."""

from collections.abc import Iterator, Mapping
from typing import Any

from arbitrage_cards.escape import escape
from arbitrage_cards.tables import ABSENT, count, places, shown, table


def experts_section(manifest: Mapping[str, Any]) -> str:
    """Return each fixed arm's experts, with their margins where the pilot found them."""
    parts = [part for name, arm in sorted(manifest["arms"].items()) for part in _of_arm(manifest, name, arm)]
    return "\n\n".join(["## Experts", *parts]) if parts else ""


def _of_arm(manifest: Mapping[str, Any], name: str, arm: Mapping[str, Any]) -> Iterator[str]:
    if arm["router"] != "fixed":
        return
    given = manifest["recipe"].get("arms", {}).get(name, {}).get("experts")
    learned = ((manifest.get("pilot") or {}).get("learned") or {}).get(name)
    if isinstance(given, Mapping):
        rows = [[escape(language), escape(given[language])] for language in manifest["languages"] if language in given]
        yield f"Arm `{name}` asks the experts that its maker named:"
        yield table(["language", "expert"], rows)
    elif isinstance(learned, Mapping):
        found = {language: learned[language] for language in manifest["languages"] if language in learned}
        yield _what(manifest["pilot"], name)
        decimals = places(expert["margin"] for expert in found.values() if expert["margin"])
        yield table(
            ["language", "expert", "runner-up", "margin", "prompts", "sources", ""],
            [_row(language, expert, decimals) for language, expert in found.items()],
        )
        noise = [escape(language) for language, expert in found.items() if expert["teacher"] and not expert["clear"]]
        if noise:
            yield (
                f"In {', '.join(noise)} the margin is inside the noise: its interval holds 0, so that another pilot "
                "could have named another teacher."
            )


def _row(language: str, expert: Mapping[str, Any], decimals: int) -> list[str]:
    names = [escape(expert[key]) if expert[key] else ABSENT for key in ("teacher", "runner_up")]
    margin = shown(expert["margin"], decimals, "+") if expert["margin"] else ABSENT
    note = "" if expert["clear"] else "inside the noise" if expert["teacher"] else "nobody could be compared"
    return [escape(language), *names, margin, count(expert["prompts"]), count(expert["sources"]), note]


def _what(pilot: Mapping[str, Any], name: str) -> str:
    tokens = pilot["prompt_tokens"] + pilot["completion_tokens"]
    money = f" and ${sum(pilot['usd'].values()):,.2f}" if pilot["usd"] else ""
    return (
        f"Arm `{name}` asks the teacher whose answers had the highest mean reward on a pilot: "
        f"{count(pilot['sources'])} train sources for each language, answered by every teacher that serves it. "
        "Teachers are compared on the prompts that all of them answered; an answer that a check flags counts as the "
        "lowest reward that an unflagged one had in the language. Margins over the runner-up are paired, their 95 % "
        f"intervals clustered by source. The pilot took {count(pilot['answers'])} answers with "
        f"{count(tokens)} counted tokens{money}, which other arms use too where they ask the same."
    )
