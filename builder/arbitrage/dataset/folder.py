"""The dataset folder: written beside the old one, swapped in whole."""

import math
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import arbitrage_cards
import pyarrow as pa

from arbitrage.dataset import manifest as manifests
from arbitrage.dataset.manifest import File, Manifest, Pilot, Writer, configs_of
from arbitrage.dataset.rows import rows_of
from arbitrage.dataset.schema import GROUP_ROWS, TAKEN, schema_of
from arbitrage.dataset.shards import SETTINGS, SHARD_ROWS, Shards, sync
from arbitrage.dataset.tally import Tally
from arbitrage.errors import DatasetError
from arbitrage.recipe.model import Recipe
from arbitrage.recipe.published import recipe_hash
from arbitrage.records import Routed, Split

SPLITS: tuple[Split, ...] = ("train", "test")
Items = Callable[[str, str], Iterable[Routed]]


def write_dataset(
    folder: Path,
    recipe: Recipe,
    published: Mapping[str, Any],
    recipe_text: str,
    items: Items,
    column_types: Mapping[str, pa.DataType],
    facts: Mapping[str, Any],
    pilot: Mapping[str, Any] | None = None,
) -> Manifest:
    """Write the dataset folder of a run and return its manifest.

    Args:
        folder: replaced as a whole once the new one is complete; until then it stays as it is.
        recipe: the recipe of the run.
        published: the recipe as it is published, resolved and without secrets.
        recipe_text: the same as YAML.
        items: yields the routed prompts of a language and split in order of prompt id.
        column_types: types of the columns that prompts carry along.
        facts: provenance that goes into the manifest as it is.
        pilot: what routers learned, and from how much.

    Raises:
        DatasetError: a value does not fit, or what is at `folder` is no dataset folder.
    """
    taken = sorted(TAKEN & set(column_types))
    if taken:
        raise DatasetError(f"carried columns cannot be called {', '.join(taken)}: rename them in the recipe")
    repair(folder)
    fresh = _fresh(folder)
    fresh.mkdir(parents=True)
    try:
        files: dict[str, File] = {}
        with closing(Tally(recipe.arms, recipe.published_arms, recipe.auditors)) as tally:
            for language in recipe.languages:
                for split in SPLITS:
                    routed = _checked(items(language, split), language, split, column_types, recipe)
                    files |= _write_split(fresh, language, split, routed, recipe, column_types, tally)
            manifest = _manifest(recipe, published, files, tally, facts, pilot)
        _write(fresh / "recipe.yaml", recipe_text.encode("utf-8"))
        _write(fresh / "README.md", arbitrage_cards.render(manifest.as_dict()).encode("utf-8"))
        for name, picture in arbitrage_cards.pictures(manifest.as_dict()).items():
            (fresh / name).parent.mkdir(exist_ok=True)
            _write(fresh / name, picture)
        for path in [*fresh.rglob("*"), fresh]:
            if path.is_dir():
                sync(path)
        # Last: a folder with a manifest is complete.
        _write(fresh / manifests.NAME, manifest.to_json())
        sync(fresh)
        _swap(fresh, folder)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    return manifest


def repair(folder: Path) -> None:
    """Clear up what a killed build left beside a dataset folder.

    Raises:
        DatasetError: what is at `folder` is no dataset folder, so it must not be replaced.
    """
    old = _old(folder)
    if old.exists() and not folder.exists():
        old.rename(folder)
        sync(folder.parent)
    for leftover in (_fresh(folder), old):
        if leftover.exists():
            shutil.rmtree(leftover)
    in_the_way = folder.is_symlink() or (folder.exists() and not folder.is_dir())
    if in_the_way or (folder.exists() and any(folder.iterdir()) and not (folder / manifests.NAME).exists()):
        raise DatasetError(f"{folder} is in the way: it is no dataset folder; move it elsewhere")


def _swap(fresh: Path, folder: Path) -> None:
    old = _old(folder)
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    sync(folder.parent)
    if old.exists():
        shutil.rmtree(old)


def _fresh(folder: Path) -> Path:
    return folder.with_name(folder.name + ".new")


def _old(folder: Path) -> Path:
    return folder.with_name(folder.name + ".old")


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    sync(path)


def _checked(
    items: Iterable[Routed], language: str, split: str, columns: Mapping[str, Any], recipe: Recipe
) -> Iterator[Routed]:
    # Sameness rests on these; a caller that breaks one must not get a folder that looks well.
    before = ""
    for routed in items:
        prompt = routed.prompt
        if (prompt.language, prompt.split) != (language, split) or prompt.id <= before:
            raise DatasetError(
                f"prompt {prompt.id} ({prompt.language}, {prompt.split}) is out of order in {language} {split}"
            )
        unknown = sorted(set(prompt.columns) - set(columns))
        if unknown:
            raise DatasetError(f"prompt {prompt.id}: carried columns {', '.join(unknown)} have no type")
        for answer in routed.answers:
            scores = [answer.reward, *(score for _, score in answer.rewards)]
            if any(score is not None and not math.isfinite(score) for score in scores):
                raise DatasetError(f"prompt {prompt.id}: a reward of {answer.teacher}'s answer is not finite")
        arms = [route.arm for route in routed.routes]
        if len(set(arms)) != len(arms) or not set(arms) <= set(recipe.arms):
            raise DatasetError(f"prompt {prompt.id}: its routes are not one for each arm of the recipe")
        before = prompt.id
        yield routed


def _write_split(
    root: Path,
    language: str,
    split: str,
    items: Iterable[Routed],
    recipe: Recipe,
    column_types: Mapping[str, pa.DataType],
    tally: Tally,
) -> dict[str, File]:
    tables: dict[str, Shards] = {}
    arms = recipe.published_arms
    for routed in items:
        tally.add(routed)
        for table, row in rows_of(routed, recipe.seed, arms):
            if table not in tables:
                schema = schema_of(table, column_types)
                tables[table] = Shards(root, f"{table}/{language}", split, schema, SHARD_ROWS)
            tables[table].add(row)
    return {path: file for shards in tables.values() for path, file in shards.close().items()}


def _manifest(
    recipe: Recipe,
    published: Mapping[str, Any],
    files: Mapping[str, File],
    tally: Tally,
    facts: Mapping[str, Any],
    pilot: Mapping[str, Any] | None,
) -> Manifest:
    clash = sorted(set(facts) & set(Manifest.model_fields))
    if clash:
        raise DatasetError(f"facts cannot be called {', '.join(clash)}: the manifest has its own")
    configs = configs_of(files)
    with_rows = [arm for arm in recipe.arms if arm in configs]
    return Manifest(
        format=1,
        name=recipe.name,
        license=recipe.license,
        languages=list(recipe.languages),
        seed=recipe.seed,
        recipe_hash=recipe_hash(published),
        recipe=dict(published),
        files=dict(files),
        writer=Writer(pyarrow=pa.__version__, settings=SETTINGS, group_rows=GROUP_ROWS, shard_rows=SHARD_ROWS),
        configs=configs,
        default_config=default_config(with_rows, configs),
        pilot=None if pilot is None else Pilot.model_validate(pilot),
        **tally.result(),
        **facts,
    )


def default_config(arms_with_rows: list[str], configs: Mapping[str, Any]) -> str | None:
    """Return the config that loads when none is named: `reward`, else the first arm with rows."""
    if "reward" in arms_with_rows:
        return "reward"
    return next(iter([*arms_with_rows, *configs]), None)
