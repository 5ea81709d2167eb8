"""What the command line names, found and fitted on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from arbitrage.errors import RecipeError
from arbitrage.fitting.fit import Tell, add, fit
from arbitrage.fitting.material import Material, recorded_material, run_material
from arbitrage.fitting.settings import read_settings
from arbitrage.routers.embedding import SentenceEmbedding
from arbitrage.routers.saved import read_saved


def do_fit(
    what: str,
    target: Path,
    embedding: str | None,
    model: Path | None,
    onto: str | None,
    *,
    pilot: int | None,
    seed: int,
    run: Path | None,
    tell: Tell,
) -> dict[str, Any]:
    """Fit what `arbitrage fit` was told to; see there.

    Raises:
        ArbitrageError: the user must change something.
    """
    if sum(one is not None for one in (embedding, model, onto)) > 1:
        raise RecipeError("give one of --embedding, --model and --onto")
    settings = read_settings(model) if model is not None else None
    seen_by = None
    if embedding is not None:
        seen_by = SentenceEmbedding(*_at(embedding), Path.cwd(), "--embedding")
    saved = read_saved(*_at(onto), Path.cwd(), "--onto") if onto is not None else None
    with _material(what, seed, pilot, run) as material:
        if saved is not None:
            return add(saved, material, target)
        return fit(material, target, seed, embedding=seen_by, settings=settings, tell=tell)


def _at(name: str) -> tuple[str, str | None]:
    name, _, revision = name.partition("@")
    return name, revision or None


@contextmanager
def _material(what: str, seed: int, pilot: int | None, run: Path | None) -> Iterator[Material]:
    path = Path(what)
    if path.suffix in (".yaml", ".yml"):
        import os

        from arbitrage.recipe.reader import read_recipe
        from arbitrage.run import run_of

        recipe = read_recipe(path, os.environ, asks=False)
        if pilot is not None:
            raise RecipeError("--pilot: the recipe says pilot: itself")
        yield run_material(recipe, path.resolve().parent, run_of(recipe, path, run).store)
        return
    if run is not None:
        raise RecipeError(f"--run: {what} is no recipe, and has no run")
    if path.exists():
        yield recorded_material(path, seed, pilot)
        return
    from arbitrage.hub.download import at_hub, dataset_at

    repo_id, revision = at_hub(what, None)
    with dataset_at(repo_id, revision) as dataset:
        yield recorded_material(dataset.folder, seed, pilot)
