"""Translations are looked at as read prompts are: near-duplicates and items of evaluation sets."""

import json
from typing import Any

import pytest
import tgi
from line.translated import served, trial
from line.trial import Trial, rows
from tgi.translation import translated

__all__ = ["served", "trial"]

ITEM = "Which of the seven old bridges over the wide river was built before the great fire of the town"
GERMAN = translated(ITEM, "German")


def _manifest(trial: Trial) -> Any:
    return json.loads((trial.dataset / "manifest.json").read_bytes())


def _ids(trial: Trial, language: str) -> list[str]:
    return [source for (source,) in trial.query("SELECT source_id FROM prompt WHERE language = ? ORDER BY 1", language)]


@pytest.fixture
def german_set(trial: Trial) -> Trial:
    """A trial with one English prompt whose German translation is an item of a German evaluation set."""
    trial.prompts[3] = {**trial.prompts[3], "prompt": f"{ITEM}?"}
    trial.write()
    (trial.folder / "held.jsonl").write_text(json.dumps({"text": GERMAN}) + "\n")
    trial.more["contamination"] = [{"name": "held", "path": "held.jsonl", "columns": ["text"]}]
    return trial


def test_a_translation_that_holds_an_item_is_counted_by_language(german_set: Trial) -> None:
    assert german_set.build().code == 0
    assert len(_ids(german_set, "de")) == 8
    manifest = _manifest(german_set)
    assert manifest["contamination"]["sets"]["held"]["prompts"] == {"de": 1}
    assert manifest["translation"]["languages"]["de"]["held"] == {"held": 1}
    assert "evaluation set held (1 items, 0 too short to look for): prompts that hold one: de 1: kept" in " ".join(
        german_set.run("build").out.split()
    )
    assert "has 100% of held" in (german_set.run_folder / "run.log").read_text()


def test_removed_it_goes_with_all_other_translations_and_the_original_stays(german_set: Trial) -> None:
    german_set.more["contamination_action"] = "remove"
    assert german_set.build().code == 0, "what is not wanted does not lack"
    for language in ("ar", "de", "tr"):
        assert "s3" not in _ids(german_set, language) and len(_ids(german_set, language)) == 7
    assert "s3" in _ids(german_set, "en")
    manifest = _manifest(german_set)
    assert {tuple(counts["removed"].items()) for counts in manifest["translation"]["languages"].values()} == {
        (("contaminated", 1),)
    }
    assert sum(counts["test"] + counts["train"] for counts in manifest["translation"]["languages"].values()) == 21
    assert "`contaminated` holds an item of an evaluation set" in (german_set.dataset / "README.md").read_text()
    assert german_set.reproduce().code == 0
    german_set.more["contamination_action"] = "report"
    assert german_set.build().code == 0
    assert len(_ids(german_set, "de")) == 8


def test_a_translation_that_says_what_a_read_prompt_says_goes_alone(trial: Trial, served: list[tgi.Handle]) -> None:
    trial.prompts[3] = {**trial.prompts[3], "prompt": f"{ITEM}?"}
    trial.prompts.append({**rows(1, ["de"])[0], "id": "other", "prompt": GERMAN + "!"})
    trial.more["near_duplicates"] = 0.8
    assert trial.build().code == 0
    assert "s3" not in _ids(trial, "de") and "other" in _ids(trial, "de")
    assert "s3" in _ids(trial, "tr") and "s3" in _ids(trial, "en")
    assert _manifest(trial)["translation"]["languages"]["de"]["removed"]["near_duplicate"] == 1
    log = (trial.run_folder / "run.log").read_text()
    assert "translations of s3 into de go: near-duplicate: prompt" in log
    served[1].log.clear()
    del trial.more["near_duplicates"]
    assert trial.build().code == 0
    assert "s3" in _ids(trial, "de") and not served[1].log


def test_what_nobody_asked_for_is_not_looked_for(trial: Trial) -> None:
    assert trial.build().code == 0
    assert "removed" not in json.dumps(_manifest(trial)["translation"])
