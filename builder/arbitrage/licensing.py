"""Whether a dataset's license asks for less than its prompt sources and teachers ask for."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from arbitrage_cards.licenses import License, license_of

from arbitrage.errors import RecipeError
from arbitrage.recipe.model import Recipe
from arbitrage.recipe.published import published_source

ORDER = ("attribution", "share-alike", "non-commercial", "no-derivatives")


@dataclass(frozen=True, slots=True)
class Licensed:
    """What a dataset is made from, under its license."""

    what: str
    """`prompts PATH`, `teacher NAME` or `translator MODEL`."""
    license: str | None
    """None where the recipe does not state it."""
    asks: Sequence[str]
    """What it asks of whoever passes on text from it."""
    lacks: Sequence[str]
    """Those of them that the dataset's license does not ask for: with any, it is looser."""
    comparable: bool
    """Whether both licenses' words are known."""
    duty: str | None
    """What has to be named or may not be done."""


def licenses_of(recipe: Recipe) -> list[Licensed]:
    """Return every prompt source, teacher and translator with what its license asks beside the dataset's."""
    dataset = license_of(recipe.license)
    found = [
        _licensed(f"prompts {published_source(source.path)}", source.license, dataset, writes=False)
        for source in recipe.prompts
    ]
    for name, teacher in recipe.teachers.items():
        found.append(_licensed(f"teacher {name}", teacher.license, dataset, writes=True))
    if recipe.translate is not None:
        what = f"translator {published_source(recipe.translate.model)}"
        found.append(_licensed(what, recipe.translate.license, dataset, writes=True))
    return found


def _licensed(what: str, stated: str | None, dataset: License | None, *, writes: bool) -> Licensed:
    license_ = license_of(stated)
    if license_ is None:
        return Licensed(what, stated, (), (), False, None)
    # A notice that goes with copies of a program does not go with what the program writes.
    is_free = writes and license_.software and license_.asks == {"attribution"}
    asks = [word for word in ORDER if word in license_.asks and not is_free]
    lacks = [] if dataset is None else [word for word in asks if word not in dataset.asks]
    return Licensed(what, stated, asks, lacks, dataset is not None, None if is_free else license_.duty)


def looser(recipe: Recipe) -> list[Licensed]:
    """Return what asks for more than the dataset's license does; what cannot be compared is not among it."""
    return [part for part in licenses_of(recipe) if part.lacks]


def refuse_looser(recipe: Recipe) -> None:
    """Refuse a license that is looser than what the dataset is made from, without a reason stated.

    Raises:
        RecipeError: naming each source and teacher, its license and what that asks.
    """
    found = looser(recipe)
    if not found or recipe.license_override is not None:
        return
    lines = [f"  {part.what}: {part.license} asks for {', '.join(part.lacks)}" for part in found]
    raise RecipeError(
        "\n".join(
            [
                f"license: {recipe.license} is looser than what the dataset is made from:",
                *lines,
                "choose a license: that asks for the same, or state why not in license_override: (the card quotes it)",
            ]
        )
    )


def licenses_as_dict(recipe: Recipe) -> dict[str, Any]:
    """Return what `check` reports of licenses, as JSON-able data."""
    return {
        "dataset": recipe.license,
        "override": recipe.license_override,
        "sources": [asdict(part) for part in licenses_of(recipe)],
    }


def conflicts(recipe: Recipe) -> Mapping[str, Any]:
    """Return the manifest's facts on an overridden license; none where nothing is overridden."""
    found = [{"what": part.what, "license": part.license, "asks": list(part.lacks)} for part in looser(recipe)]
    return {"license_conflicts": found} if found else {}
