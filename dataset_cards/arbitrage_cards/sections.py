"""The sections of a card that count things."""

from collections.abc import Mapping
from typing import Any

from arbitrage_cards.escape import escape
from arbitrage_cards.tables import ABSENT, count, decimal, listed, table


def rows_section(manifest: Mapping[str, Any]) -> str:
    """Return rows by arm, language and split."""
    rows = []
    for name, arm in sorted(manifest["arms"].items()):
        for language in manifest["languages"]:
            asked = sum(arm["asked"].get(language, {}).values())
            found = arm["rows"].get(language, {})
            if not asked:
                continue
            chosen = {escape(teacher): n for teacher, n in arm["chosen"].get(language, {}).items()}
            cells = [count(asked), count(found.get("train", 0)), count(found.get("test", 0)), listed(chosen)]
            rows.append([escape(name), escape(language), *cells])
    lines = ["## Rows", ""]
    lines.append(table(["arm", "language", "prompts", "train", "test", "teachers chosen"], rows))
    without = [
        f"- {escape(name)}: {listed({escape(why): n for why, n in arm['without_row'].items()})}"
        for name, arm in sorted(manifest["arms"].items())
        if arm["without_row"]
    ]
    if without:
        lines += ["", "Prompts without a row, by why:", "", *without]
    return "\n".join(lines)


def teachers_section(manifest: Mapping[str, Any]) -> str:
    """Return who answered, under which license and for how many tokens."""
    costs = manifest.get("cost_usd")
    costs = costs if isinstance(costs, Mapping) else {}
    rows = []
    for name, answers in sorted(manifest["pool"]["teachers"].items()):
        recipe = manifest["recipe"].get("teachers", {}).get(name, {})
        by_language = answers["languages"].values()
        counted = sum(found["tokens_counted"] for found in by_language)
        tokens = [
            count(sum(found[key] for found in by_language) if counted else None)
            for key in ("prompt_tokens", "completion_tokens")
        ]
        cost = costs.get(name)
        spent = [*tokens, f"{cost:.2f}" if isinstance(cost, int | float) else ABSENT]
        for place, served in enumerate(answers["served"]):
            who = [name, served["model"], served["revision"], recipe.get("license") or "not stated"]
            # Tokens and money are known by teacher, so they stand beside its first model alone.
            rows.append([*map(escape, who), count(served["answers"]), *([""] * len(spent) if place else spent)])
    header = "teacher,model,revision,license,answers,prompt tokens,completion tokens,USD".split(",")
    lines = ["## Teachers", "", table(header, rows), "", "Tokens are those that servers counted."]
    return "\n".join(lines)


def sampling_section(manifest: Mapping[str, Any]) -> str:
    """Return how teachers sampled."""
    recipe = manifest["recipe"]
    everywhere: Mapping[str, Any] = recipe.get("sampling") or {}
    settings = [("all", everywhere)] if everywhere else []
    for name, teacher in sorted(recipe.get("teachers", {}).items()):
        own = {
            key: value
            for key, value in (teacher.get("sampling") or {}).items()
            if key not in everywhere or everywhere[key] != value
        }
        own |= {key: teacher[key] for key in ("format", "system", "extra") if teacher.get(key)}
        if own.get("format") == "chat":
            del own["format"]
        if own:
            settings.append((name, own))
    if not settings:
        return ""
    rows = [
        [escape(name), ", ".join(f"{escape(key)} {escape(value)}" for key, value in sorted(values.items()))]
        for name, values in settings
    ]
    return "## Sampling\n\n" + table(["teacher", "settings"], rows)


def prompts_section(manifest: Mapping[str, Any]) -> str:
    """Return where prompts came from and how many there are."""
    sources = [
        [
            escape(source.get("path", ABSENT)),
            escape(source.get("config") or ABSENT),
            escape(source.get("revision") or "not pinned"),
            escape(source.get("split", ABSENT)),
            escape(source.get("license") or "not stated"),
        ]
        for source in manifest["recipe"].get("prompts", [])
    ]
    found = manifest["pool"]["prompts"]
    counts = [
        [escape(language), *(count(found[language].get(split, 0)) for split in ("train", "test"))]
        for language in manifest["languages"]
        if language in found
    ]
    return "\n".join(
        [
            "## Prompts",
            "",
            table(["source", "config", "revision", "split", "license"], sources),
            "",
            table(["language", "train prompts", "test prompts"], counts),
        ]
    )


def rewards_section(manifest: Mapping[str, Any]) -> str:
    """Return mean rewards by arm and language over common prompts."""
    common = manifest["common"]
    names = sorted({name for found in common.values() for name in found["reward"]})
    if not names:
        return ""
    rows = [
        [
            escape(language),
            count(common[language]["prompts"]),
            *(decimal(common[language]["reward"].get(name, {}).get("mean")) for name in names),
        ]
        for language in manifest["languages"]
        if language in common
    ]
    routed_by = manifest["recipe"].get("route_by") or next(iter(manifest["recipe"].get("rewards", {})), None)
    by = f" ({escape(routed_by)})" if routed_by else ""
    return "\n".join(
        [
            "## Rewards",
            "",
            f"Mean of the reward that routed{by}, over the prompts on which every arm has a scored row. "
            "An arm that chooses by a reward is high on it by construction.",
            "",
            table(["language", "prompts", *(escape(name) for name in names)], rows),
        ]
    )


def answers_section(manifest: Mapping[str, Any]) -> str:
    """Return checks and failures by teacher and language."""
    rows = []
    for name, teacher in sorted(manifest["pool"]["teachers"].items()):
        for language in manifest["languages"]:
            if language not in teacher["languages"]:
                continue
            found = teacher["languages"][language]
            rows.append(
                [
                    escape(name),
                    escape(language),
                    count(found["answers"]),
                    count(found["usable"]),
                    listed({escape(check): n for check, n in found["checks"].items()}),
                    listed({escape(kind): n for kind, n in found["errors"].items()}),
                ]
            )
    header = ["teacher", "language", "answers", "usable", "checks", "failures"]
    return "## Checks and failures\n\n" + table(header, rows)
