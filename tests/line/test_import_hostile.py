"""Dataset folders that lie: one message, and nothing of them in the store."""

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from arbitrage.dataset.schema import RowHash
from arbitrage.recipe.document import read_document
from arbitrage.recipe.published import recipe_hash
from dataset.tampering import edit_manifest, rewrite
from line.lost import Lost, counts


def _path(lost: Lost) -> None:
    file = next(iter(json.loads((lost.published / "manifest.json").read_bytes())["files"].values()))
    edit_manifest(lost.published, lambda manifest: manifest["files"].update({"pool/../../x/train-00000.parquet": file}))


def _link(lost: Lost) -> None:
    path = next(lost.published.glob("pool/de/train-*.parquet"))
    path.rename(lost.trial.folder / "outside.parquet")
    path.symlink_to(lost.trial.folder / "outside.parquet")


def _schema(lost: Lost) -> None:
    path = next(lost.published.glob("pool/de/train-*.parquet"))
    table = pq.read_table(path)
    place = table.schema.get_field_index("draw")
    pq.write_table(table.set_column(place, "draw", table["draw"].cast(pa.string())), path)


def _garbage(lost: Lost) -> None:
    next(lost.published.glob("pool/de/train-*.parquet")).write_bytes(b"PAR1 nothing PAR1")


def _recipe(lost: Lost) -> None:
    path = lost.published / "recipe.yaml"
    path.write_text(path.read_text().replace("temperature: 0.3", "temperature: 0.9"))


def _variables(lost: Lost) -> None:
    path = lost.published / "recipe.yaml"
    path.write_text(path.read_text().replace("${TEACHER_URL_a}", "${HOME}"))


def _no_manifest(lost: Lost) -> None:
    (lost.published / "manifest.json").unlink()


HOSTILE: dict[str, tuple[Callable[[Lost], None], str]] = {
    "path": (_path, "files"),
    "link": (_link, "leads out of the folder"),
    "schema": (_schema, "column draw is string, not int64"),
    "garbage": (_garbage, "is no Parquet file that can be read"),
    "recipe": (_recipe, "is not the recipe that the manifest names"),
    "variables": (_variables, "is not the recipe that the manifest names"),
    "no manifest": (_no_manifest, "a dataset folder holds a manifest.json"),
}


@pytest.mark.parametrize(("harm", "says"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_folder_is_refused_with_one_message_and_nothing_of_it_stays(
    lost: Lost, harm: Callable[[Lost], None], says: str
) -> None:
    harm(lost)
    lost.trial.write()
    ran = lost.trial.run("import", str(lost.published))
    assert ran.code == 2
    assert says in ran.err
    assert not lost.trial.store.exists()


def _agree(lost: Lost, path: Path) -> None:
    """Make the manifest agree with a pool file, as whoever made the folder could."""
    found = RowHash()
    found.update(pq.read_table(path).to_pylist())
    facts = {"rows_sha256": found.all, "groups_sha256": found.groups, "bytes": path.stat().st_size}
    facts["file_sha256"] = sha256(path.read_bytes()).hexdigest()
    name = path.relative_to(lost.published).as_posix()
    edit_manifest(lost.published, lambda manifest: manifest["files"][name].update(facts))


ROWS: dict[str, tuple[dict[str, Any], str]] = {
    "another prompt's id": ({"prompt_id": "0" * 32}, "prompt_id is not the hash of language and messages"),
    "no prompt": ({"prompt": []}, "is an empty list"),
    "overlong revision": ({"revision": "r" * 101}, "revision cannot name a revision"),
    "revision that steers": ({"revision": "a\x1b[31m"}, "revision cannot name a revision"),
    "negative draw": ({"draw": -1}, "draw is no number of a draw"),
    "negative tokens": ({"prompt_tokens": -1}, "prompt_tokens is no count"),
    "teacher of another model": ({"model": "org/b\n"}, "recipe.yaml has no such teacher with this model"),
    "unknown teacher": ({"teacher": "\x1b[2J"}, "recipe.yaml has no such teacher with this model"),
    "unknown counter": ({"tokens_from": "me"}, "tokens_from is neither usage nor details"),
    "overlong reason": ({"finish_reason": "x" * 41}, "finish_reason is too long"),
    "hole": ({"source_id": None}, "lacks source_id"),
}


@pytest.mark.parametrize(("change", "says"), ROWS.values(), ids=ROWS)
def test_a_row_that_is_none_is_named_and_the_rest_comes_in(lost: Lost, change: dict[str, Any], says: str) -> None:
    path = next(lost.published.glob("pool/de/train-*.parquet"))
    rewrite(path, lambda rows: rows[0].update(change))
    _agree(lost, path)
    found = lost.bring()
    assert counts(found) == {"read": 24, "imported": 23, "asked": 23, "unreadable": 1}
    (line,) = found["named"]
    assert line.startswith("published/pool/de/train-00000.parquet row 0: ")
    assert says in line


def test_the_recipe_of_a_folder_runs_nothing_and_reads_no_variable(lost: Lost, tmp_path: Path) -> None:
    path = lost.published / "recipe.yaml"
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')")
    text = path.read_text().replace("python: chrf", "python: evil:run").replace("router: reward", "router: evil:Run")
    path.write_text(text.replace("system: {}", 'system: {de: "${HOME}"}', 1))
    named = recipe_hash(read_document(path).data)
    edit_manifest(lost.published, lambda manifest: manifest.update(recipe_hash=named))
    # The variable stands for itself: it is neither today's empty prompt nor anybody's home.
    assert counts(lost.bring()) == {"read": 24, "imported": 18, "asked": 18, "other": 6}
