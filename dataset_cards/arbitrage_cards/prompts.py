"""Where prompts came from, and what became of the rows that were read."""

import re
from collections.abc import Mapping
from typing import Any

from arbitrage_cards.escape import escape
from arbitrage_cards.tables import ABSENT, count, details, table
from arbitrage_cards.translation import translation_lines

_FATES = "read unreadable other_language duplicates not_sampled near_duplicates contaminated kept".split()
_SOMETIMES = ("near_duplicates", "contaminated")
"""Fates that older datasets, and recipes that do not look, have none of: shown where there are any."""


def hub_id(source: Mapping[str, Any]) -> str | None:
    """Return the Hub id of a prompt source, None where it is none: Hub sources are pinned to a commit."""
    path, revision = source.get("path"), source.get("revision")
    if not isinstance(path, str) or not isinstance(revision, str):
        return None
    is_id = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,95}/[A-Za-z0-9][A-Za-z0-9_.-]{0,95}", path)
    return path if is_id and re.fullmatch(r"[0-9a-f]{40}", revision) else None


def prompts_section(manifest: Mapping[str, Any]) -> str:
    """Return where prompts came from and how many there are."""
    sources = manifest["recipe"].get("prompts", [])
    rows = []
    for source in sources:
        found = hub_id(source)
        path = (
            f"[{escape(found)}](https://huggingface.co/datasets/{found})"
            if found
            else escape(source.get("path", ABSENT))
        )
        revision = str(source.get("revision") or "not pinned")
        rest = [source.get("config") or ABSENT, source.get("split", ABSENT), revision[:12] if found else revision]
        rows.append([path, *map(escape, rest), escape(source.get("license") or "not stated")])
    lines = ["## Prompts", "", table(["source", "config", "split", "revision", "licence"], rows)]
    counts = manifest.get("prompt_sources")
    if isinstance(counts, list) and len(counts) == len(sources):
        shown = [fate for fate in _FATES if fate not in _SOMETIMES or any(_count(found, fate) for found in counts)]
        fates = [
            [escape(source.get("path", ABSENT)), *(count(_count(found, fate)) for fate in shown)]
            for source, found in zip(sources, counts, strict=True)
        ]
        lines += ["", "What became of the rows that were read:", ""]
        lines.append(table(["source", *(fate.replace("_", " ") for fate in shown)], fates))
    lines += translation_lines(manifest)
    prompts = manifest["pool"]["prompts"]
    languages = [language for language in manifest["languages"] if language in prompts]
    by_language = [
        [escape(language), *(count(prompts[language].get(split, 0)) for split in ("train", "test"))]
        for language in languages
    ]
    whole = table(["language", "train prompts", "test prompts"], by_language)
    lines += (
        ["", "Prompts by language:", "", whole] if len(languages) <= 10 else ["", details("Prompts by language", whole)]
    )
    return "\n".join(lines)


def _count(found: Any, fate: str) -> int | None:
    value = found.get(fate) if isinstance(found, Mapping) else None
    return value if isinstance(value, int) else None
