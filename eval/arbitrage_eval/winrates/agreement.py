"""How far judges agree beyond chance, on win, tie and loss."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from arbitrage_eval.winrates.verdicts import Item, Outcome


def agreement(judges: Mapping[str, Sequence[Outcome]]) -> dict[str, Any]:
    """Return Cohen's kappa of each two judges and Fleiss' kappa of all, on the pairs of answers that they all read."""
    labels = {
        name: {one.item: one.label for one in outcomes if one.label is not None} for name, outcomes in judges.items()
    }
    by_two = []
    for one, other in combinations(sorted(labels), 2):
        common = sorted(labels[one].keys() & labels[other].keys())
        found = cohen([(labels[one][item], labels[other][item]) for item in common])
        by_two.append({"judges": [one, other], "outcomes": len(common), **_said(found, len(common))})
    common = sorted(set[Item].intersection(*(set(of_judge) for of_judge in labels.values()))) if labels else []
    if len(labels) < 2:
        everyone = {"outcomes": len(common), "kappa": None, "lacking": "fewer than two judges"}
    else:
        found = fleiss([[labels[name][item] for name in sorted(labels)] for item in common])
        everyone = {"outcomes": len(common), **_said(found, len(common))}
    return {"cohen": by_two, "fleiss": everyone}


def _said(kappa: float | None, outcomes: int) -> dict[str, Any]:
    why = "no outcome in common" if not outcomes else "every outcome is the same: chance would agree as much"
    return {"kappa": kappa, "lacking": why if kappa is None else None}


def cohen(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Return Cohen's kappa of two judges; None of no pairs, and where chance alone would agree everywhere.

    Source: Cohen, "A Coefficient of Agreement for Nominal Scales", 1960.
    """
    if not pairs:
        return None
    count = len(pairs)
    one, other = Counter(first for first, _ in pairs), Counter(second for _, second in pairs)
    # Whole numbers until the end, so that agreement by chance everywhere is seen as such.
    chance, agreed = sum(one[label] * other[label] for label in one), sum(first == second for first, second in pairs)
    if chance == count * count:
        return None
    return (agreed * count - chance) / (count * count - chance)


def fleiss(rows: Sequence[Sequence[str]]) -> float | None:
    """Return Fleiss' kappa of two or more judges; None of no rows, and where chance alone would agree everywhere.

    Source: Fleiss, "Measuring Nominal Scale Agreement Among Many Raters", 1971.

    Args:
        rows: by pair of answers, one label from each judge.
    """
    if not rows:
        return None
    raters = len(rows[0])
    totals: defaultdict[str, int] = defaultdict(int)
    agreed = 0
    for row in rows:
        for label, count in Counter(row).items():
            totals[label] += count
            agreed += count * (count - 1)
    everything = len(rows) * raters
    chance = sum(total * total for total in totals.values())
    if chance == everything * everything:
        return None
    share, by_chance = agreed / (everything * (raters - 1)), chance / (everything * everything)
    return (share - by_chance) / (1 - by_chance)
