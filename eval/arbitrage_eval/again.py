"""The same evaluation once more, and whether its figures lie within the intervals that were stated."""

import hashlib
import math
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any

from arbitrage.dataset.manifest import NAME
from arbitrage.errors import RecipeError
from arbitrage.hub.repository import Repository
from arbitrage.identity import sorted_json
from arbitrage.progress import Progress
from arbitrage.recipe.problems import Loc, dotted
from arbitrage.results import RESULTS, read_results
from arbitrage.rewards.reward import BUILT_IN
from arbitrage.run import Run, to_json, write_whole
from arbitrage_cards.tables import number

from arbitrage_eval.evaluate import evaluate
from arbitrage_eval.suite import read_suite

ENDS = {"value", "low", "high"}
VARIABLES = {
    "endpoint": re.compile(r"\$\{(TEACHER|JUDGE|REWARD)_URL_\w+\}", re.ASCII),
    "token": re.compile(r"\$\{(TEACHER|JUDGE|REWARD)_TOKEN_\w+\}", re.ASCII),
}
"""What published suites have in place of endpoints and tokens."""
PATHS = frozenset(("path", "answers", "rubric", "transformers", "gguf", "dataset", "model"))


@dataclass(frozen=True, slots=True)
class Compared:
    """Figures of two evaluations of one suite."""

    suite: str
    compared: int
    outside: list[str]
    """Figures that are not what was stated, each in a sentence."""
    lacking: list[str] = field(default_factory=list)
    """What the second evaluation lacks."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-able data."""
        return {**asdict(self), "same": self.compared > 0 and not self.outside and not self.lacking}


def results_of(dataset: Path) -> list[dict[str, Any]]:
    """Return the results that a dataset folder carries.

    Raises:
        DatasetError: a file of them cannot be read.
    """
    return [read_results(path) for path in sorted(dataset.glob("results/*.json"))]


def results_at(repo_id: str, commit: str) -> list[dict[str, Any]]:
    """Return the results that a dataset on the Hub carries.

    Raises:
        HubError: they cannot be had.
        DatasetError: a file of them cannot be read.
    """
    repository = Repository(repo_id)
    paths = sorted(path for path in repository.files(commit) if RESULTS.fullmatch(path))
    return [read_results(repository.fetch(commit, path)) for path in paths]


def again(
    found: Mapping[str, Any], dataset: Path, folder: Path, environ: Mapping[str, str], progress: Progress
) -> Compared:
    """Do an evaluation once more in `folder`/evals/SUITE-again-HASH, and compare. Everybody is asked anew.

    What an interrupted one has asked already is kept; what one that came to its end asked is not.

    Args:
        found: its results.
        dataset: the dataset that carries them, which stands for the one that the suite names where it is the same.
        folder: where the suite's paths start.
        environ: has the endpoints and tokens that the suite names.
        progress: told of everything that takes long.

    Raises:
        ArbitrageError: the suite cannot be done here, or must not be; the message says why.
    """
    suite = dict(found["suite"])
    refuse_foreign(suite)
    answers = found.get("answers")
    manifest = answers.get("manifest") if isinstance(answers, Mapping) else None
    if manifest == hashlib.sha256((dataset / NAME).read_bytes()).hexdigest():
        suite["answers"] = str(dataset.resolve())
    run = Run(folder / "evals" / f"{suite['name']}-again-{hashlib.sha256(sorted_json(found)).hexdigest()[:8]}")
    done = run.folder / "compared.json"
    if done.exists():
        shutil.rmtree(run.folder)
    run.folder.mkdir(parents=True, exist_ok=True)
    path = run.folder / "suite.yaml"
    write_whole(path, to_json(suite))
    anew = evaluate(read_suite(path, environ), folder, run, progress)
    assert anew is not None
    lacking = [short["message"] for short in anew["shortfalls"] if short["serious"]]
    compared = replace(compare(found, anew), lacking=lacking)
    write_whole(done, to_json(compared.as_dict()))
    return compared


def refuse_foreign(suite: Mapping[str, Any]) -> None:
    """Refuse a suite of somebody else that says where to send prompts and tokens, or which code to run.

    Raises:
        RecipeError: an endpoint or a token is not the variable of its own name, a variable stands elsewhere, a path
            leads out of the folder, or a reward or a task is code that this package does not have.
    """
    for where, text in _texts(suite, ()):
        key = next((name for name in reversed(where) if isinstance(name, str)), "")
        if key in ("endpoint", "token"):
            if not VARIABLES[key].fullmatch(text):
                raise RecipeError(
                    f"{dotted(where)}: these results name {text!a}; endpoints and tokens are yours to give"
                )
        elif "${" in text:
            raise RecipeError(f"{dotted(where)}: these results want a variable of yours, {text!a:.80}")
        elif key in PATHS and (PurePath(text).is_absolute() or ".." in PurePath(text).parts):
            raise RecipeError(f"{dotted(where)}: these results name {text!a:.80}, outside this folder: not read")
        elif key == "yaml" or (where[0] == "tasks" and text.endswith(".yaml")):
            raise RecipeError(
                f"{dotted(where)}: these results are of a task file, {text!a:.80}, which can run code, and is not run "
                "because others' results say so: get their suite, look at it, and run `arbitrage eval`"
            )
        elif key == "python" and text not in BUILT_IN:
            raise RecipeError(
                f"{dotted(where)}: these results are of code, {text!a:.80}, which is not run because others' results "
                "say so: get their suite, look at it, and run `arbitrage eval`"
            )


def _texts(value: Any, where: Loc) -> Iterator[tuple[Loc, str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from _texts(part, (*where, str(key)))
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield from _texts(part, (*where, place))


def compare(stated: Mapping[str, Any], anew: Mapping[str, Any]) -> Compared:
    """Compare every figure that was stated: with its interval, or where it had none, with itself."""
    compared, outside = 0, []
    for where, old, low, high, new in _figures(stated, anew, ""):
        compared += 1
        value = number(new.get("value")) if isinstance(new, Mapping) else None
        same = value is not None and (low <= value <= high or math.isclose(value, old, rel_tol=1e-9))
        if not same:
            now = "there is none now" if value is None else f"it is {value:.4g} now"
            ends = f" ({low:.4g} to {high:.4g})" if low < high else ""
            outside.append(f"{where}: stated {old:.4g}{ends}, {now}")
    return Compared(stated["suite"]["name"], compared, outside)


def _figures(stated: Any, anew: Any, where: str) -> Iterator[tuple[str, float, float, float, Any]]:
    """Yield each figure that is stated: where it stands, its value, both ends, and what stands there anew."""
    if isinstance(stated, list):
        # Pairs of models, by their names.
        stated, anew = _named(stated), _named(anew)
    if not isinstance(stated, Mapping):
        return
    if stated.keys() >= ENDS:
        # Others' results may hold anything.
        value, low, high = (number(stated[end]) for end in ("value", "low", "high"))
        if value is not None:
            yield where, value, value if low is None else low, value if high is None else high, anew
        return
    for key, value in stated.items():
        found = anew.get(key) if isinstance(anew, Mapping) else None
        yield from _figures(value, found, f"{where}.{key}" if where else str(key))


def _named(rows: Any) -> dict[str, Any]:
    found = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
    return {f"{row['model']} against {row['baseline']}": row for row in found if {"model", "baseline"} <= row.keys()}
