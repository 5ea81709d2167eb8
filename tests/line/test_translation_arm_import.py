"""Translated answers of a published pool come back, where they are the recipe's own."""

import json

import tgi
from line.test_translation_arm import arm, parallel
from line.translated import served, trial
from line.trial import Trial

__all__ = ["arm", "parallel", "served", "trial"]


def test_a_published_pool_gives_translated_answers_back(parallel: Trial, served: list[tgi.Handle]) -> None:
    a, nmt, _ = served
    assert parallel.build().code == 0
    before = parallel.pool()
    parallel.dataset.rename(parallel.folder / "published")
    for path in parallel.run_folder.glob("store.sqlite*"):
        path.unlink()
    ran = parallel.run("import", str(parallel.folder / "published"), "--json")
    assert ran.code == 0, ran
    assert (ran.json["imported"], ran.json["translations"], ran.json["unreadable"]) == (6, 6, 0)
    assert parallel.build().code == 0
    assert (len(a.log), len(nmt.log)) == (6, 6)
    assert parallel.pool() == before
    assert json.loads((parallel.dataset / "manifest.json").read_bytes())["imported"] == {
        "a": {"published": 6},
        "a+translation": {"published": 6},
    }
    assert parallel.reproduce().code == 0


def test_translations_by_another_translator_are_made_again(parallel: Trial, served: list[tgi.Handle]) -> None:
    a, nmt, _ = served
    assert parallel.build().code == 0
    parallel.dataset.rename(parallel.folder / "published")
    for path in parallel.run_folder.glob("store.sqlite*"):
        path.unlink()
    parallel.more["translate"]["max_length"] = 1000
    parallel.write()
    ran = parallel.run("import", str(parallel.folder / "published"), "--json")
    assert (ran.code, ran.json["imported"], ran.json["translations"]) == (0, 6, 0)
    assert "was translated by other settings" in ran.err
    assert parallel.build().code == 0
    assert (len(a.log), len(nmt.log)) == (6, 12)
