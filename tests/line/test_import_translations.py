"""A published pool brings its translations back: a lost store is not translated again, unless it would differ."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tgi
from dataset.tampering import rewrite
from line.translated import served, translated_trial, trial
from line.trial import Ran, Trial, contents
from servers.tiny_seq2seq import write_model

__all__ = ["served", "trial"]


def _lose(trial: Trial) -> Path:
    published = trial.folder / "published"
    shutil.copytree(trial.dataset, published)
    shutil.rmtree(trial.run_folder)
    return published


def _bring(trial: Trial, published: Path) -> Ran:
    trial.write()
    return trial.run("import", str(published), "--json")


def _without_imports(files: dict[str, bytes]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files["manifest.json"])
    found.pop("imported", None)
    for counts in found["translation"]["languages"].values():
        counts.pop("imported", None)
    del found["translation"]["paid"], found["files"]
    return found


def test_a_lost_store_translates_nothing_again(trial: Trial, served: list[tgi.Handle]) -> None:
    a, nmt, _ = served
    trial.more["translate"] |= {"columns": ["topic"], "price": {"input": 1.0, "output": 1.0}}
    assert trial.build().code == 0
    before = contents(trial.dataset)
    published = _lose(trial)
    asked = len(a.log), len(nmt.log)
    ran = _bring(trial, published)
    assert ran.code == 0 and (ran.json["read"], ran.json["imported"], ran.json["asked"]) == (32, 32, 32)
    # Eight prompts and three topics, in three languages.
    assert ran.json["translations"] == 33
    assert "translations: 33 texts imported; a build uses them while its translator is at revision" in ran.err
    assert trial.query("SELECT DISTINCT imported_from FROM translation") == [("published",)]
    assert _bring(trial, published).json["translations"] == 0
    trial.more["translate"]["endpoint"] = "http://127.0.0.1:1"
    assert trial.build().code == 0
    assert (len(a.log), len(nmt.log)) == asked
    after = contents(trial.dataset)
    assert {path for path in before if before[path] != after.get(path)} == {"manifest.json", "README.md"}
    assert _without_imports(dict(before)) == _without_imports(dict(after))
    said = json.loads(after["manifest.json"])["translation"]
    assert {counts["imported"] for counts in said["languages"].values()} == {8}
    assert said["paid"]["answers"] == 0
    assert "an import brought" in after["README.md"].decode()
    assert trial.reproduce().code == 0


def test_what_had_no_translation_is_asked_again(trial: Trial, served: list[tgi.Handle]) -> None:
    nmt = served[1]
    trial.more["tolerate"] = 1
    assert trial.build().code == 0
    published = _lose(trial)
    rows = [*published.glob("pool/tr/*.parquet")]
    assert rows
    trial.prompts.append({**trial.prompts[0], "id": "new", "prompt": "Another question?"})
    nmt.log.clear()
    assert _bring(trial, published).json["translations"] == 24
    assert trial.build().code == 0
    assert len(nmt.log) == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda translate: translate.update(max_length=999), "by other settings, or by another version"),
        (lambda translate: translate.update(revision="f" * 40), "which is not the recipe's translator"),
        (lambda translate: translate.update(model="org/slow"), "which is not the recipe's translator"),
    ],
)
def test_what_a_build_would_translate_otherwise_is_not_imported(
    trial: Trial, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    assert trial.build().code == 0
    published = _lose(trial)
    change(trial.more["translate"])
    ran = _bring(trial, published)
    assert ran.code == 0 and ran.json["translations"] == 0
    assert "translations: none is imported: the dataset was translated" in ran.err and said in ran.err
    assert trial.query("SELECT count(*) FROM translation") == [(0,)]


def test_of_several_originals_nobody_knows_which(trial: Trial) -> None:
    trial.prompts[1]["id"] = trial.prompts[0]["id"]
    assert trial.build().code == 0
    assert _bring(trial, _lose(trial)).json["translations"] == 18


def test_a_translator_at_another_revision_translates_anew(trial: Trial, served: list[tgi.Handle]) -> None:
    nmt = served[1]
    assert trial.build().code == 0
    published = _lose(trial)
    assert _bring(trial, published).json["translations"] == 24
    nmt.log.clear()
    nmt.faults.set(info_sha="f" * 40)
    assert trial.build().code == 0
    assert len(nmt.log) == 24


def test_a_model_in_the_process_is_not_asked_either(tmp_path: Path, served: list[tgi.Handle]) -> None:
    a, nmt, _ = served
    write_model(tmp_path / "tiny")
    trial = translated_trial(tmp_path, a, nmt)
    trial.more |= {"translate": {"model": "tiny", "to": "all"}, "tolerate": 1}
    assert trial.build().code in (0, 1)
    have = {row["prompt_id"] for row in trial.pool() if row["translation"]}
    assert have
    ran = _bring(trial, _lose(trial))
    assert ran.json["translations"] == len(have)
    assert trial.build().code in (0, 1)
    assert {row["prompt_id"] for row in trial.pool() if row["translation"]} == have


def test_a_changed_pool_brings_nothing(trial: Trial) -> None:
    assert trial.build().code == 0
    published = _lose(trial)
    path = next(published.glob("pool/tr/*.parquet"))
    rewrite(path, lambda rows: [row.update(translation=None) for row in rows])
    ran = _bring(trial, published)
    assert ran.code == 2 and "nothing was imported" in ran.err
