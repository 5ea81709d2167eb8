"""What a router is fitted on: the train sources of a recorded pool, or the pilot of a run."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from arbitrage.errors import RouterError
from arbitrage.recipe.model import Recipe
from arbitrage.records import Piloted
from arbitrage.simulate.recorded import read_pool
from arbitrage.simulate.replay import train_prompts


class Material(NamedTuple):
    """Prompts of train sources with the answers of their teachers."""

    name: str
    pool: Mapping[str, Sequence[str]]
    """By language, the teachers."""
    pilot: Sequence[Piloted]


def recorded_material(path: Path, seed: int, pilot: int | None) -> Material:
    """Return the train sources of a dataset folder or a Parquet file of scores, `pilot` a language or all of them.

    Raises:
        DatasetError: it cannot be read.
    """
    pool = read_pool(path, seed)
    return Material(pool.name, pool.teachers, train_prompts(pool, seed, pilot))


def run_material(recipe: Recipe, folder: Path, store_file: Path) -> Material:
    """Return the pilot of a run, as far as it is answered and scored.

    Raises:
        RouterError: there is no answered pilot.
    """
    from arbitrage.answers import Reader
    from arbitrage.checks.language import make_language_check
    from arbitrage.pilot import pilot_prompts, read_pilot
    from arbitrage.rewards.reward import make_rewards
    from arbitrage.rewards.who import recall
    from arbitrage.store.store import open_store
    from arbitrage.teachers.pool import Pool

    with open_store(store_file, read_only=True) as store:
        rewards, check = make_rewards(recipe, folder), make_language_check(recipe, folder)
        recall(rewards, store)
        reader = Reader(store, recipe, rewards, store.get("build") or 0, Pool(recipe, store), check)
        prompts = pilot_prompts(store, recipe, store.last_of_sources(None))
        pilot = read_pilot(reader, recipe, prompts) if prompts else None
    if pilot is None:
        raise RouterError(
            f"{store_file}: its pilot is not answered: build the recipe first with an arm that learns, "
            "such as {router: fixed}"
        )
    return Material(recipe.name, {x: recipe.teachers_for(x) for x in recipe.languages}, pilot)
