"""Answers whose translator fails or is killed in the middle, and translated answers that somebody changed."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import scoring
import tgi
from arbitrage.dataset.reproduce import reproduce
from arbitrage.translation.translating import BLOCK
from dataset.tampering import rewrite, said
from line.translated import kill_while_translating, served, translated_trial
from line.trial import Trial, contents, rows
from scoring import Vllm

__all__ = ["served"]

KILLED = 220


def _trial(folder: Path, a: tgi.Handle, nmt: tgi.Handle, count: int) -> Trial:
    """Prompts in English and German: nothing but answers is translated."""
    trial = translated_trial(folder, a, nmt)
    trial.arms = {"translation": {"router": "translation", "teacher": "a"}}
    trial.prompts, trial.more["languages"] = rows(count, ["en", "de"]), ["de", "en"]
    trial.write()
    return trial


def test_killed_while_answers_are_translated_it_loses_a_block_at_most(tmp_path: Path, served: list[tgi.Handle]) -> None:
    a, _, slow = served
    for handle in served:
        handle.log.clear()
    calm = _trial(tmp_path / "calm", a, slow, KILLED)
    assert calm.cli("build").code == 0
    expected = contents(calm.dataset)
    whole = sorted(request.key for request in slow.log)
    assert len(set(whole)) == len(whole) == KILLED
    slow.log.clear()
    a.log.clear()

    trial = _trial(tmp_path / "killed", a, slow, KILLED)
    kills = kill_while_translating(trial, slow, KILLED)
    assert kills == 3
    assert trial.cli("build").code == 0
    assert contents(trial.dataset) == expected
    asked_for = [request.key for request in slow.log]
    assert set(asked_for) == set(whole)
    assert len(asked_for) - KILLED <= kills * BLOCK
    assert len(a.log) == KILLED, "answers that are stored are not asked again"


def test_a_translator_that_is_down_for_answers_holds_back_no_other_arm(
    tmp_path: Path, served: list[tgi.Handle]
) -> None:
    a, nmt, _ = served
    trial = _trial(tmp_path, a, nmt, 4)
    trial.arms["single"] = {"router": "single", "teacher": "a"}
    trial.write()
    a.log.clear()
    nmt.faults.set(by_prompt={"unavailable": 1.0})
    ran = trial.run("build")
    assert ran.code == 1
    assert "answers are left untranslated: translate: " in ran.out and "what is translated is stored" in ran.out
    assert "arm translation: 4 of 8 prompts have no row (no answer: server: 4)" in ran.out
    assert len(trial.table("single")) == 8
    assert trial.status()["teachers"]["a+translation"]["languages"]["de"]["failed"] == 4
    assert reproduce(trial.dataset).same
    nmt.faults.clear()
    assert trial.run("build").code == 0
    assert len(a.log) == 8
    assert len(trial.table("translation")) == 8


def _first(change: dict[str, Any]) -> Callable[[list[dict[str, Any]]], None]:
    return lambda found: found[0].update(change)


OTHER = "0" * 32
CHANGES: dict[str, tuple[Callable[[list[dict[str, Any]]], None], str]] = {
    "no parents": (_first({"parents": None}), "column parents: are not what it can be made from"),
    "none among the parents": (_first({"parents": []}), "column parents: are not what it can be made from"),
    "a prompt that is not there": (_first({"parents": [f"{OTHER}/a/0"]}), "which the pool lacks in en"),
    "another teacher": (_first({"parents": [f"{OTHER}/b/0"]}), "column parents: are not what it can be made from"),
    "another source": (
        lambda found: found[0].update(parents=found[1]["parents"]),
        "column parents: names an answer to a prompt of another source",
    ),
    "another revision": (_first({"revision": "f" * 40}), "column revision: is not who wrote what it is made from"),
    "cut off": (_first({"finish_reason": "length"}), "column finish_reason: is not that of what it is made from"),
    "no original": (
        _first({"completion": None, "error": "no_original", "parents": [], "reward": None}),
        "column parents: could be made from an answer that the pool has in en",
    ),
    "a name that nobody asks": (_first({"teacher": "a+fusion"}), "column teacher: is nobody whom an arm"),
    "a teacher's own": (_first({"teacher": "a"}), "column parents: are those of no teacher's own answer"),
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, served: list[tgi.Handle]) -> Path:
    trial = _trial(tmp_path_factory.mktemp("built"), served[0], served[1], 12)
    assert trial.cli("build").code == 0
    return trial.dataset


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_parent_is_found_and_named(built: Path, tmp_path: Path, change: str) -> None:
    folder = shutil.copytree(built, tmp_path / "dataset")
    path = "pool/de/train-00000.parquet"
    rewrite(folder / path, CHANGES[change][0])
    found = said(reproduce(folder))
    assert f"{path}, row 0" in found and CHANGES[change][1] in found


def test_a_parent_that_is_gone_is_found_and_named(built: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(built, tmp_path / "dataset")
    rewrite(folder / "pool/en/train-00000.parquet", lambda found: found.pop(0))
    found = said(reproduce(folder))
    assert "pool/de/train-00000.parquet, row " in found and "which the pool lacks in en" in found
    rewrite(folder / "pool/en/train-00000.parquet", lambda found: found[0].update(completion=None, error="timeout"))
    assert "is made from an answer without a text" in said(reproduce(folder))


def test_translating_answers_stops_at_max_usd_and_goes_on_with_more(tmp_path: Path, served: list[tgi.Handle]) -> None:
    a, nmt, _ = served
    for handle in served:
        handle.log.clear()
    trial = _trial(tmp_path, a, nmt, 20)
    # A dollar a token: the ceiling of a line is some 2,000.
    trial.more["translate"]["price"] = {"input": 1e6, "output": 1e6}
    trial.more["max_usd"] = 3000
    trial.write()
    plan = trial.run("check", "--json").json
    assert plan["translation"]["answers_to_come"] == {"de": 20}
    assert plan["translation"]["usd_at_most"] is None
    assert "not known beforehand: what a, the translator cost" in trial.run("check").out
    ran = trial.run("build")
    assert ran.code == 1
    assert "answers are left untranslated: translate: max_usd is" in ran.out
    assert "what is translated is stored" in ran.out
    asked = len(nmt.log)
    assert 0 < asked < 20
    assert 0 < trial.status()["spent_usd"] <= 3000
    trial.more["max_usd"] = 10**6
    trial.write()
    assert trial.run("build").code == 0
    assert (len(a.log), len(nmt.log)) == (20, 20), "nothing is paid twice"
    assert trial.run("check", "--json").json["translation"]["usd_at_most"] == 0


def test_served_rewards_score_translated_answers_as_check_says(tmp_path: Path, served: list[tgi.Handle]) -> None:
    with scoring.serve(Vllm("org/reward")) as server:
        trial = _trial(tmp_path, served[0], served[1], 5)
        trial.more["rewards"] = {"r": {"endpoint": server.url, "api": "vllm", "model": "org/reward"}}
        trial.write()
        assert trial.run("check", "--json").json["rewards"]["r"]["requests"] == 10
        assert trial.run("build").code == 0
        assert len(server.log) == 10
        assert all(row["reward"] is not None for row in trial.pool())
        assert trial.run("check", "--json").json["rewards"]["r"]["requests"] == 0
