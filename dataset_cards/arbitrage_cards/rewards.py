"""Rewards of the arms over the prompts that they have in common."""

from collections.abc import Mapping
from typing import Any

from arbitrage_cards.arms import ordered
from arbitrage_cards.escape import escape
from arbitrage_cards.tables import count, details, places, shown, table

PICTURE = "assets/rewards.png"


def pictured(manifest: Mapping[str, Any]) -> bool:
    """Say whether there are rewards to draw."""
    return any(language in manifest["common"] for language in manifest["languages"])


def rewards_section(manifest: Mapping[str, Any]) -> str:
    """Return mean rewards by arm and language with intervals, and gains over the arm `random`."""
    languages = [language for language in manifest["languages"] if language in manifest["common"]]
    if not pictured(manifest):
        return ""
    rewards = manifest["recipe"].get("rewards", {})
    routed_by = manifest["recipe"].get("route_by") or next(iter(rewards), None)
    by = f" ({escape(routed_by)})" if routed_by else ""
    what = (
        f"Mean of the reward that routed{by}, over the prompts on which every arm that has scored rows in a language "
        "has one. An arm that chooses by a reward is high on it by construction. Brackets hold 95 % intervals, "
        "clustered by source; there is none where there are fewer than two sources."
    )
    gains = any(manifest["common"][language]["gain"] for language in languages)
    if gains:
        what += " The gain is over `random`, prompt by prompt."
    lines = ["## Rewards", "", f"![Mean reward of each arm with its interval, by language]({PICTURE})", "", what, ""]
    by_language = _by_language(manifest, languages, gains)
    if len(languages) == 1:
        return "\n".join([*lines, by_language])
    overall = manifest.get("overall")
    if overall is not None:
        decimals = places(overall["reward"].values())
        lines += [_among(manifest, overall), "", table(_header(gains), _rows(manifest, overall, gains, decimals)), ""]
    lines.append(details("Rewards by language", by_language))
    return "\n".join(lines)


def _among(manifest: Mapping[str, Any], overall: Mapping[str, Any]) -> str:
    text = (
        f"Over all languages ({', '.join(map(escape, overall['languages']))}; {count(overall['prompts'])} prompts from "
        f"{count(overall['sources'])} sources) a reward is the mean of the languages' means, so that each counts alike."
    )
    found = {name for language in overall["languages"] for name in manifest["common"][language]["reward"]}
    lacking = sorted(found - set(overall["reward"]))
    if lacking:
        text += f" Left out, for want of one of these languages: {', '.join(map(escape, lacking))}."
    return text


def _by_language(manifest: Mapping[str, Any], languages: list[str], gains: bool) -> str:
    common = {language: manifest["common"][language] for language in languages}
    decimals = places(estimate for found in common.values() for estimate in found["reward"].values())
    rows = []
    for language, found in common.items():
        head = [escape(language), count(found["prompts"]), count(found["sources"])]
        rows += [[*head, *row] for row in _rows(manifest, found, gains, decimals)]
    return table(["language", "prompts", "sources", *_header(gains)], rows)


def _rows(manifest: Mapping[str, Any], found: Mapping[str, Any], gains: bool, decimals: int) -> list[list[str]]:
    rows = []
    for name in ordered(manifest):
        if name in found["reward"]:
            gain = [shown(found["gain"].get(name), decimals, "+")] if gains else []
            rows.append([escape(name), shown(found["reward"][name], decimals), *gain])
    return rows


def _header(gains: bool) -> list[str]:
    return ["arm", "reward", *(["gain over random"] if gains else [])]
