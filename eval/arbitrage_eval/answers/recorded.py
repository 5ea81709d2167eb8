"""Answers that a dataset has: its teachers', and what its arms chose."""

import hashlib
from collections.abc import Collection, Container, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from arbitrage.dataset.manifest import NAME, Manifest, read_manifest
from arbitrage.dataset.reading import rows
from arbitrage.errors import RecipeError
from arbitrage.hub.download import at_hub, dataset_at

from arbitrage_eval.answers.table import Answers
from arbitrage_eval.suite import ARM, Suite

POOL = "pool:"
"""What names of rewards begin with that scored a dataset's answers before this evaluation."""


@contextmanager
def recorded(suite: Suite, folder: Path) -> Iterator[Path | None]:
    """Lend the dataset that has answers; paths start at `folder`. None where the suite names none.

    Raises:
        HubError: there is no such dataset on the Hub.
        DatasetError: it is none that this version understands.
        RecipeError: it has no such language, teacher or arm.
    """
    if suite.answers is None:
        yield None
        return
    here = folder / suite.answers
    if here.exists():
        _known(suite, read_manifest(here))
        yield here
        return
    repo_id, revision = at_hub(suite.answers, None)
    tables = ("pool/", "routes/") if suite.arms else ("pool/",)

    def leave(manifest: Manifest) -> Container[str]:
        _known(suite, manifest)
        return {path for path in manifest.files if not path.startswith(tables)}

    with dataset_at(repo_id, revision, leave) as found:
        yield found.folder


def take_recorded(answers: Answers, suite: Suite, dataset: Path) -> dict[str, Any]:
    """Take the answers of a dataset's split; return what says which dataset it is, and who answered.

    Raises:
        DatasetError: a file cannot be read.
    """
    manifest = read_manifest(dataset)
    languages = suite.languages or manifest.languages
    # A reward of the same name may be another one there.
    answers.take(table(dataset, "pool", suite.split, languages), scores_as=POOL)
    if suite.arms:
        answers.take_routes(row for row in table(dataset, "routes", suite.split, languages) if row["arm"] in suite.arms)
    models: dict[str, Any] = {}
    for teacher in suite.teachers or ([] if suite.arms else sorted(manifest.pool.teachers)):
        served = manifest.pool.teachers[teacher].served
        models[teacher] = {"teacher": teacher, "served": [one.model_dump() for one in served]}
        answers.of_teacher(teacher, teacher)
    for arm in suite.arms:
        models[ARM + arm] = {"arm": arm}
        answers.of_arm(arm, ARM + arm)
    answers.taken()
    manifest_sha256 = hashlib.sha256((dataset / NAME).read_bytes()).hexdigest()
    return {"name": suite.answers_shown, "split": suite.split, "manifest": manifest_sha256, "models": models}


def table(dataset: Path, name: str, split: str, languages: Collection[str]) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of a table of a dataset, of a split and of languages."""
    wanted = []
    for path in sorted(read_manifest(dataset).files):
        of_table, language, file = path.split("/")
        if of_table == name and language in languages and file.startswith(f"{split}-"):
            wanted.append(path)
    return (located.value for located in rows(dataset, wanted))


def _known(suite: Suite, manifest: Manifest) -> None:
    """Refuse names that the dataset does not have, which would be left out in silence."""
    known = (
        ("language", suite.languages, manifest.languages),
        ("teacher", suite.teachers, manifest.pool.teachers),
        ("arm", suite.arms, manifest.arms),
    )
    for what, wanted, there in known:
        if unknown := sorted(set(wanted) - set(there)):
            raise RecipeError(f"{suite.answers} has no {what} {', '.join(unknown)}: it has {', '.join(sorted(there))}")
    if suite.baseline is not None and suite.baseline not in suite.models:
        here = suite.teachers or ([] if suite.arms else list(manifest.pool.teachers))
        named = sorted([*here, *(ARM + arm for arm in suite.arms), *suite.models])
        if suite.baseline not in named:
            raise RecipeError(f"baseline: there is no {suite.baseline}: there are {', '.join(named)}")
    if both := sorted(set(suite.models) & set(manifest.pool.teachers)):
        raise RecipeError(f"models: {', '.join(both)}: a teacher of {suite.answers} has that name: give it another")
