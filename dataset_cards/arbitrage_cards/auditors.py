"""What rewards that did not route say of what was routed, and how every reward came to its scores."""

from collections.abc import Iterator, Mapping
from typing import Any

from arbitrage_cards.arms import ordered
from arbitrage_cards.escape import escape
from arbitrage_cards.tables import ABSENT, count, details, listed, places, shown, table

SHORT = 12
"""Letters of a revision that tell it from others."""
_NOTES = {
    "too_long": "too long for the model",
    "unparsable": "no mark in the verdict",
    "validation": "refused by the server",
    "too_large": "too large for the server",
}


def scoring_section(manifest: Mapping[str, Any]) -> str:
    """Return which model each reward is and how it scores, with what has no score; only where there is a model."""
    scoring = manifest.get("scoring") or {}
    if not any("scored" in found for found in scoring.values()):
        return ""
    rows = []
    for name, found in sorted(scoring.items()):
        unscored = {escape(_NOTES.get(why, why)): n for why, n in sorted(found.get("unscored", {}).items())}
        cut = found.get("cut", {}).get("prompt_cut")
        rows.append(
            [
                escape(name),
                escape(found["model"]) if found.get("model") else ABSENT,
                f"`{escape(found['revision'][:SHORT])}`" if found.get("revision") else ABSENT,
                escape(found["how"]) + (f"; {count(cut)} prompts lost their beginning" if cut else ""),
                count(found.get("scored")),
                listed(unscored),
            ]
        )
    header = ["reward", "model", "revision", "how", "answers with a score", "without one, by why"]
    return "\n".join(["## Reward models", "", table(header, rows)])


def auditors_section(manifest: Mapping[str, Any]) -> str:
    """Return how each auditor agrees with the routing reward, and what it sees of the arms' gains."""
    found = {
        name: audit
        for name, audit in sorted((manifest.get("auditors") or {}).items())
        if audit["agreement"] or audit["transfer"]
    }
    if not found:
        return ""
    routing = manifest["recipe"].get("route_by")
    members = manifest["recipe"].get("rewards", {}).get(routing, {}).get("mean_of") or ()
    lines = [
        "## Auditors",
        "",
        f"Rewards that did not route look at what {escape(routing)} routed. Arms that choose by a reward gain in it by "
        "construction; what counts is how much of that another reward sees, best one of another family.",
        "",
        *_agreements(manifest, found),
        *_gains(manifest, found),
    ]
    own = [escape(name) for name in found if name in members]
    if own:
        lines += ["", f"{', '.join(own)}: no auditor from outside, since {escape(routing)} is a mean that holds it."]
    return "\n".join(lines)


def _agreements(manifest: Mapping[str, Any], auditors: Mapping[str, Any]) -> Iterator[str]:
    yield (
        "Agreement: of two unflagged answers to one prompt, how often an auditor prefers the one that the routing "
        "reward prefers; where it sees no difference that counts half, so 0.5 is chance. Mean over prompts, with the "
        "95 % interval clustered by source."
    )
    yield ""
    every = [estimate["share"] for audit in auditors.values() for estimate in audit["agreement"].values()]
    decimals = max(2, places(every)) if every else 2
    rows = []
    for name, audit in auditors.items():
        for language in manifest["languages"]:
            if found := audit["agreement"].get(language):
                rows.append([escape(name), escape(language), *_agreement(found, decimals)])
        if (whole := audit["agreement_overall"]) and len(audit["agreement"]) > 1:
            rows.append([escape(name), "all, each alike", *_agreement(whole, decimals)])
    yield table(["auditor", "language", "prompts", "sources", "agreement"], rows)


def _agreement(found: Mapping[str, Any], decimals: int) -> list[str]:
    return [count(found["prompts"]), count(found["sources"]), shown(found["share"], decimals)]


def _gains(manifest: Mapping[str, Any], auditors: Mapping[str, Any]) -> Iterator[str]:
    audited = {name: audit for name, audit in auditors.items() if audit["transfer"]}
    if not audited:
        return
    yield ""
    yield (
        "Gain over `random`, prompt by prompt, on the prompts on which every arm has a row that both rewards scored. "
        "The unit is a reward's standard deviation within a prompt in that language, taken as known: scores of two "
        "rewards have no other in common."
    )
    yield ""
    header = ["auditor", "arm", "gain in the reward that routed", "gain in the auditor"]
    overall = [
        [escape(name), *row]
        for name, audit in audited.items()
        if len(audit["transfer"]) > 1
        for row in _transfer(manifest, audit["transfer_overall"])
    ]
    by_language = [
        [escape(name), escape(language), count(found["prompts"]), *row]
        for name, audit in audited.items()
        for language in manifest["languages"]
        if (found := audit["transfer"].get(language))
        for row in _transfer(manifest, found)
    ]
    body = table([header[0], "language", "prompts", *header[1:]], by_language)
    if overall:
        yield table(header, overall)
        yield ""
        yield details("Gains by auditor and language", body)
    else:
        yield body


def _transfer(manifest: Mapping[str, Any], found: Mapping[str, Any] | None) -> Iterator[list[str]]:
    if found is None:
        return
    decimals = places([*found["routing"].values(), *found["auditor"].values()])
    for arm in ordered(manifest):
        if arm in found["routing"]:
            gains = [shown(found[side].get(arm), decimals, "+") for side in ("routing", "auditor")]
            yield [escape(arm), *gains]
