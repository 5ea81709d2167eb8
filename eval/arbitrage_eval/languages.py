"""The languages that the suites evaluate in: what sets of tasks call them, and their resource classes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ruamel.yaml import YAML

from arbitrage_eval.winrates.measured import Macro, Measured, macro

CLASSES = range(6)
"""Of Joshi et al. (2020): 0 has next to no data, 5 the most."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A language and its codes; languages.yaml says where each of them, and the class, comes from."""

    name: str
    script: str
    resource_class: int
    flores: str
    flores_plus: str
    aya: str
    include: str | None
    piqa: str


@cache
def languages() -> Mapping[str, Spoken]:
    """Return the languages by their BCP-47 tag, in its order."""
    text = (files("arbitrage_eval") / "languages.yaml").read_text(encoding="utf-8")
    return {
        tag: Spoken(
            name=said["name"],
            script=said["script"],
            resource_class=said["class"],
            flores=said["flores"],
            flores_plus=said.get("flores_plus", said["flores"]),
            aya=said["aya"],
            include=said.get("include"),
            piqa=said["piqa"],
        )
        for tag, said in YAML(typ="safe").load(text).items()
    }


def classes() -> dict[str, int]:
    """Return the resource class of each language."""
    return {tag: language.resource_class for tag, language in languages().items()}


def macro_by_class(measured: Mapping[str, Measured]) -> dict[int, Macro]:
    """Return the mean over the languages of each resource class; languages without a known class are in none."""
    known = classes()
    found: dict[int, dict[str, Measured]] = {}
    for language, value in measured.items():
        if language in known:
            found.setdefault(known[language], {})[language] = value
    return {number: macro(found[number]) for number in CLASSES if number in found}
