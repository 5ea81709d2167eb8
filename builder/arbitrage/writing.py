"""The end of the line: routed prompts to a dataset folder, with the facts that its manifest states."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from arbitrage.checks.judging import judged
from arbitrage.columns import column_types, fitted, translator_type
from arbitrage.dataset.folder import write_dataset
from arbitrage.derived import answerers
from arbitrage.errors import DatasetError
from arbitrage.licensing import conflicts
from arbitrage.line import Line, resolved
from arbitrage.plan import routed
from arbitrage.progress import Progress
from arbitrage.recipe.published import recipe_yaml
from arbitrage.records import Routed
from arbitrage.rewards.lacking import scoring_facts
from arbitrage.shortfall import Shortfall, shortfalls
from arbitrage.spend import costs
from arbitrage.store.completions import imported
from arbitrage.store.translations import original_of


@dataclass(frozen=True, slots=True)
class Built:
    """What a build came to."""

    dataset: Path | None
    """None when it was told to stop before."""
    shortfalls: Sequence[Shortfall]
    rows: dict[str, int]
    """Rows by arm."""
    contamination: dict[str, Any] | None = None
    """What of the recipe's evaluation sets prompts hold."""


def write(
    line: Line, progress: Progress, pilot: dict[str, Any] | None, *, preview: bool, left_out: Sequence[str] = ()
) -> Built:
    """Write the dataset folder from the store."""
    recipe = line.recipe
    types = column_types(line.store, recipe)
    published = resolved(recipe, line.ingested, line.translating)
    said: Mapping[str, Any] = {"translation": translator_type()} if line.translating else {}

    def items(language: str, split: str) -> Iterator[Routed]:
        for item in routed(line.store, line.routers, line.reader, language, split, line.last):
            columns = fitted(item.prompt.columns, types)
            if line.translating is not None:
                is_original = original_of(line.store, item.prompt.id) is None
                columns["translation"] = None if is_original else line.translating.by
            yield replace(item, prompt=replace(item.prompt, columns=columns))

    folder = line.run.preview if preview else line.run.dataset
    line.log(f"writing {folder.name}")
    facts: dict[str, Any] = {
        "prompt_sources": [asdict(counts) for counts in line.ingested.sources],
        "cost_usd": costs(line.store, recipe),
        **conflicts(recipe),
    }
    if found := contamination(line):
        facts["contamination"] = found
    if line.language_check is not None:
        facts["language_check"] = judged(line.store, line.language_check, answerers(recipe))
    if left_out:
        facts["left_out"] = sorted(set(left_out))
    if line.translating is not None:
        facts["translation"] = line.translating.facts()
    if line.rewards:
        facts["scoring"] = scoring_facts(line.rewards, line.store)
    if brought := imported(line.store):
        facts["imported"] = brought
    try:
        with progress.writing(folder):
            columns = {**said, **types}
            manifest = write_dataset(folder, recipe, published, recipe_yaml(published), items, columns, facts, pilot)
    except OSError as error:
        raise DatasetError(
            f"{folder} cannot be written ({error.strerror or error}): mend that, then run the same command again; "
            "everything stored so far is safe"
        ) from error
    rows = {name: sum(sum(splits.values()) for splits in arm.rows.values()) for name, arm in manifest.arms.items()}
    short = shortfalls(line.store, recipe, line.number, manifest, line.languages)
    return Built(folder, short, rows, contamination(line))


def contamination(line: Line) -> dict[str, Any] | None:
    """Return what of the recipe's evaluation sets prompts hold; None where it names no set."""
    if not line.recipe.contamination:
        return None
    sets = {name: asdict(counts) for name, counts in line.ingested.evaluation_sets.items()}
    for language, counts in line.languages.items():
        for name, held in counts.held.items():
            sets[name]["prompts"][language] = sets[name]["prompts"].get(language, 0) + held
    return {"action": line.recipe.contamination_action, "sets": sets}
