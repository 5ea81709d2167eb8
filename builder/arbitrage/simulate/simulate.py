"""`arbitrage simulate`: arms replayed on a recorded pool, beside the baselines that everything is compared with."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from arbitrage.errors import DatasetError
from arbitrage.routers.fixed import worth
from arbitrage.simulate.gains import report
from arbitrage.simulate.recorded import Pool, read_pool
from arbitrage.simulate.replay import make_arm, replay, tested

USUAL = ("fixed", "learned", "learned,top=2", "learned,top=3", "reward")
"""What is replayed where no arm is named, beside `random` and the best single teacher."""


def simulate(
    path: Path, arms: Sequence[str], *, pilot: int | None, seed: int, held_out: str | None, folder: Path
) -> dict[str, Any]:
    """Replay arms on a recorded pool and return what each gained, at what cost.

    Args:
        path: a dataset folder, or a Parquet file of scores.
        arms: each `router[,key=value]...`; none for the usual ones.
        pilot: train sources of each language that routers learn from; None for all.
        seed: of the split of a file that has none, of the pilot and of ties.
        held_out: which auditor's score is the second one.
        folder: where `module:name` routers are looked for.

    Raises:
        DatasetError: the pool cannot be read, or has no test source to replay on.
        RecipeError: an arm names what there is not.
    """
    pool = read_pool(path, seed, held_out)
    prompts = tested(pool)
    if not prompts:
        raise DatasetError(f"{path}: no prompt of a test source was answered by more than one teacher")
    best = best_single(pool)
    specs = dict.fromkeys(["random", *([f"single,teacher={best}"] if best else []), *(arms or USUAL)])
    made = [(spec, make_arm(spec, pool, seed, folder)) for spec in specs]
    found = report(pool, [replay(spec, router, pool, seed, pilot) for spec, router in made], prompts)
    return {**found, "best_single": best, "pilot": pilot, "seed": seed}


def best_single(pool: Pool) -> str | None:
    """Return the best teacher on train sources, of those in all languages: by its mean above each prompt's own."""
    everywhere = set.intersection(*(set(names) for names in pool.teachers.values()))
    sums = dict.fromkeys(sorted(everywhere), 0.0)
    for one in pool.prompts:
        if one.prompt.split == "train":
            known = {name: value for name, value in worth(list(one.answers.values())).items() if value is not None}
            level = math.fsum(known.values()) / len(known) if known else 0.0
            for name in sums:
                sums[name] += known.get(name, level) - level
    return max(sums, key=lambda name: sums[name]) if sums else None
