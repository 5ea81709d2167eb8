"""What arms gained on a recorded pool: on the score that routed and on one that did not, with intervals."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from arbitrage.dataset.intervals import estimate
from arbitrage.routers.fixed import worth
from arbitrage.routers.values import FAINT
from arbitrage.simulate.recorded import Pool, Recorded
from arbitrage.simulate.replay import Replayed

Floats = NDArray[np.float64]


class Scores(NamedTuple):
    """What answers to a prompt are worth above the mean of its pool, in spreads of the language."""

    of: dict[str, float]
    best: float


def scores(prompts: Sequence[Recorded], *, held_out: bool) -> dict[str, Scores]:
    """Return by prompt what each of its answers is worth; prompts of which nothing is known are absent.

    An answer that should not win counts as the lowest score of its language, as in a pilot.
    """
    found: dict[str, Scores] = {}
    for language in sorted({one.prompt.language for one in prompts}):
        own = [one for one in prompts if one.prompt.language == language]
        known = [(one, _known(one, held_out=held_out)) for one in own]
        told = [(one, row) for one, row in known if any(value is not None for value in row.values()) and len(row) > 1]
        if not told:
            continue
        lowest = min(value for _, row in told for value in row.values() if value is not None)
        rows = [(one, {n: lowest if value is None else value for n, value in row.items()}) for one, row in told]
        centred = [(one, row, math.fsum(row.values()) / len(row)) for one, row in rows]
        count = sum(len(row) for _, row in rows)
        spread = math.sqrt(math.fsum((v - mean) ** 2 for _, row, mean in centred for v in row.values()) / count)
        told_apart = spread > FAINT * max(abs(value) for _, row in rows for value in row.values())
        for one, row, mean in centred:
            of = {name: (value - mean) / spread if told_apart else 0.0 for name, value in row.items()}
            found[one.prompt.id] = Scores(of, max(of.values()))
    return found


def _known(one: Recorded, *, held_out: bool) -> dict[str, float | None]:
    row = worth(list(one.answers.values()))
    if not held_out:
        return row
    return {
        name: None if value is None else one.held_out[name]
        for name, value in row.items()
        if value is None or one.held_out[name] is not None
    }


def report(pool: Pool, replayed: Sequence[Replayed], prompts: Sequence[Recorded]) -> dict[str, Any]:
    """Return what every arm gained on the prompts that all of them decided, for `--json` and for printing.

    `gain` is the mean above the pool's, in spreads of the score within a prompt of the language; `share` divides it by
    what always having the pool's best answer, by the same score, would gain: 0 is a blind choice, 1 is `reward`.
    """
    own = scores(prompts, held_out=False)
    other = scores(prompts, held_out=True) if pool.held_out else {}
    common = [one for one in prompts if one.prompt.id in own and all(one.prompt.id in arm.routes for arm in replayed)]
    return {
        "pool": pool.name,
        "held_out": pool.held_out,
        "prompts": len(common),
        "sources": len({one.prompt.source_id for one in common}),
        "arms": {arm.arm: _of_arm(arm, common, own, other) for arm in replayed},
    }


def _of_arm(
    arm: Replayed, prompts: Sequence[Recorded], own: Mapping[str, Scores], other: Mapping[str, Scores]
) -> dict[str, Any]:
    asked = [len(arm.routes[one.prompt.id].asked) for one in prompts]
    costs = [one.cost.get(ask.teacher) for one in prompts for ask in arm.routes[one.prompt.id].asked]
    languages = sorted({one.prompt.language for one in prompts})
    by_language = {x: _gain(arm, [p for p in prompts if p.prompt.language == x], own) for x in languages}
    shares = {x: found["share"]["mean"] for x, found in by_language.items() if found["share"]["mean"] is not None}
    return {
        "generations": sum(asked) / len(asked) if asked else None,
        "usd": math.fsum(cost for cost in costs if cost is not None) if costs and None not in costs else None,
        "own": _gain(arm, prompts, own),
        "held_out": _gain(arm, prompts, other) if other else None,
        "languages": by_language,
        "worst_language": min(shares, key=lambda x: shares[x]) if shares else None,
        "lacking": arm.lacking,
        "learned": arm.learned,
    }


def _gain(arm: Replayed, prompts: Sequence[Recorded], found: Mapping[str, Scores]) -> dict[str, Any]:
    rows = []
    for one in prompts:
        score = found.get(one.prompt.id)
        if score is None:
            continue
        chosen = arm.routes[one.prompt.id].chosen
        value = min(score.of.values()) if chosen is None else score.of.get(chosen[0])
        if value is not None:
            rows.append((one.prompt.source_id, value, score.best))
    return {
        "gain": estimate((source, value, 1.0) for source, value, _ in rows).as_dict(),
        "share": estimate(rows).as_dict(),
        "prompts": len(rows),
    }
