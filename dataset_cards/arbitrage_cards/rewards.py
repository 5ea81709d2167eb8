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
    by_language = {language: manifest["common"][language] for language in languages}
    if len(languages) == 1:
        return "\n".join([*lines, _table(manifest, by_language, gains)])
    overall = manifest.get("overall")
    if overall is not None:
        lines += [_among(manifest, overall), "", _table(manifest, {"all": overall}, gains), ""]
    lines.append(details("Rewards by language", _table(manifest, by_language, gains)))
    return "\n".join(lines)


def _among(manifest: Mapping[str, Any], overall: Mapping[str, Any]) -> str:
    text = (
        f"Over all languages ({', '.join(map(escape, overall['languages']))}) a reward is the mean of the languages' "
        "means, since scores of one language say nothing about another's."
    )
    found = {name for language in overall["languages"] for name in manifest["common"][language]["reward"]}
    lacking = sorted(found - set(overall["reward"]))
    if lacking:
        text += f" Left out, for want of one of these languages: {', '.join(map(escape, lacking))}."
    return text


def _table(manifest: Mapping[str, Any], common: Mapping[str, Mapping[str, Any]], gains: bool) -> str:
    decimals = places(estimate for found in common.values() for estimate in found["reward"].values())
    rows = []
    for language, found in common.items():
        for name in ordered(manifest):
            if name in found["reward"]:
                head = [escape(language), count(found["prompts"]), count(found["sources"]), escape(name)]
                gain = [shown(found["gain"].get(name), decimals, "+")] if gains else []
                rows.append([*head, shown(found["reward"][name], decimals), *gain])
    header = ["language", "prompts", "sources", "arm", "reward"]
    return table([*header, "gain over random"] if gains else header, rows)
