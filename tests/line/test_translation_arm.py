"""The arm `translation`: one teacher answers in English, and its answers are translated into the other languages."""

import json
from pathlib import Path
from typing import Any

import pytest
import tgi
from line.translated import served, translated_trial, trial
from line.trial import Trial, contents, double, rows, teacher
from servers.tiny_seq2seq import spelled, write_model
from tgi.translation import translated, translator

__all__ = ["served", "trial"]

NAMES = {"ar": "Arabic", "de": "German", "tr": "Turkish"}
ARM = {"translation": {"router": "translation", "teacher": "a"}}


@pytest.fixture
def arm(trial: Trial) -> Trial:
    """Prompts that came in English alone."""
    trial.arms = dict(ARM)
    return trial


@pytest.fixture
def parallel(arm: Trial) -> Trial:
    """Prompts that came in English and German: nothing but answers is translated."""
    arm.prompts = rows(6, ["en", "de"])
    arm.more |= {"languages": ["de", "en"], "tolerate": 1}
    return arm


def _manifest(trial: Trial) -> Any:
    return json.loads((trial.dataset / "manifest.json").read_bytes())


def _derived(trial: Trial) -> list[dict[str, Any]]:
    return [row for row in trial.pool() if row["teacher"] == "a+translation"]


def test_answers_in_english_become_answers_in_every_language(arm: Trial, served: list[tgi.Handle]) -> None:
    a, nmt, _ = served
    arm.more["translate"]["columns"] = ["reference"]
    ran = arm.build()
    assert ran.code == 0, ran
    assert "translating into de: 8 of 8 answers" in ran.err
    assert "translating 8 answers into de" in (arm.run_folder / "run.log").read_text()
    assert len(a.log) == 8, "the teacher is asked in English alone"
    pool = {f"{row['prompt_id']}/{row['teacher']}/{row['draw']}": row for row in arm.pool()}
    assert len(pool) == 4 * 8
    for row in pool.values():
        if row["language"] == "en":
            assert (row["teacher"], row["parents"]) == ("a", None)
            continue
        (key,) = row["parents"]
        parent = pool[key]
        assert row["teacher"] == "a+translation"
        assert (parent["language"], parent["source_id"]) == ("en", row["source_id"])
        assert row["completion"] == translated(parent["completion"], NAMES[row["language"]])
        assert (row["model"], row["revision"]) == (parent["model"], parent["revision"])
        assert row["finish_reason"] == parent["finish_reason"]
        assert row["tokens_from"] is row["prompt_tokens"] is row["completion_tokens"] is None
        assert row["reward"] is not None and not row["checks"]
    for row in arm.table("translation"):
        assert row["teacher"] == ("a" if row["language"] == "en" else "a+translation")
    for row in arm.table("routes"):
        (ask,) = row["asked"]
        assert row["chosen"] == {"teacher": ask["teacher"], "draw": 0}
        assert ask["teacher"] == ("a" if row["language"] == "en" else "a+translation")
    assert not arm.table("preferences")
    before = contents(arm.dataset)
    asked = len(a.log), len(nmt.log)
    assert arm.run("build").code == 0
    assert contents(arm.dataset) == before
    assert (len(a.log), len(nmt.log)) == asked
    assert arm.reproduce().code == 0


def test_an_english_answer_is_asked_and_paid_once_for_all_arms(arm: Trial, served: list[tgi.Handle]) -> None:
    arm.teachers["a"]["price"] = {"input": 100.0, "output": 1000.0}
    arm.more["max_usd"] = 1000
    arm.arms |= {"single": {"router": "single", "teacher": "a"}, "random": {"router": "random"}}
    assert arm.build().code == 0
    assert len(served[0].log) == 4 * 8
    assert len({request.key for request in served[0].log}) == 4 * 8
    ((prompt, completion),) = arm.query("SELECT total(prompt_tokens), total(completion_tokens) FROM completion")
    paid = (100 * prompt + 1000 * completion) / 1e6
    state = arm.status()
    assert state["spent_usd"] == pytest.approx(paid)
    assert _manifest(arm)["cost_usd"]["a"] == pytest.approx(paid)
    assert state["teachers"]["a"]["languages"]["de"]["answered"] == 8
    derived = state["teachers"]["a+translation"]
    assert derived["languages"]["de"] == {"asks": 8, "answered": 8, "final_errors": 0, "failed": 0, "pending": 0}
    assert derived["prompt_tokens"] is derived["spend_usd"] is None
    assert "a+translation  de" in arm.run("status").out
    (shown,) = [row["prompt_id"] for row in arm.pool() if row["parents"]][:1]
    assert "translated from " in arm.run("show", shown).out


def test_translated_answers_are_in_no_pair_of_preferences(parallel: Trial, served: list[tgi.Handle]) -> None:
    parallel.arms["single"] = {"router": "single", "teacher": "a"}
    assert parallel.build().code == 0
    rewards = [row["reward"] for row in parallel.pool() if row["language"] == "de" and row["source_id"] == "s0"]
    assert len(set(rewards)) == 2
    assert not parallel.table("preferences")


def test_the_manifest_and_the_card_say_who_wrote_what(arm: Trial) -> None:
    arm.arms["random"] = {"router": "random"}
    assert arm.build().code == 0
    said = _manifest(arm)
    assert said["arms"]["translation"]["router"] == "translation"
    assert said["arms"]["translation"]["chosen"]["de"] == {"a+translation": 8}
    assert said["pool"]["teachers"]["a+translation"]["languages"]["de"]["tokens_counted"] == 0
    card = (arm.dataset / "README.md").read_text()
    assert "a asked in one language, its answers machine-translated into the others" in card
    assert "Answers under a+translation are machine translations by org/nmt" in card
    assert (
        "Answers of `translation` are machine translations by org/nmt, which made prompts of this dataset too" in card
    )
    assert "written by one teacher model" in card, "translations are nobody's to route to"
    assert "translator org/nmt" in card, "its licence is asked after too"
    assert "pilot:" not in (arm.dataset / "recipe.yaml").read_text()


def test_check_counts_the_answers_that_will_be_translated(arm: Trial, served: list[tgi.Handle]) -> None:
    arm.write()
    plan = arm.run("check", "--json").json
    assert plan["translation"]["answers_to_come"] == {"ar": 8, "de": 8, "tr": 8}
    assert plan["teachers"]["a"]["requests"] == 8
    assert "answers without a translation, at most: ar: 8, de: 8, tr: 8" in arm.run("check").out
    assert arm.run("build", "--until", "prompts").code == 0
    assert arm.run("check", "--json").json["translation"]["answers_to_come"] == {"ar": 8, "de": 8, "tr": 8}
    assert arm.run("build", "--until", "completions").code == 0
    asked = [len(handle.log) for handle in served]
    plan = arm.run("check", "--json").json
    assert plan["translation"]["answers_to_come"] == {}
    assert plan["teachers"]["a"]["requests"] == 0
    assert arm.run("build").code == 0
    assert [len(handle.log) for handle in served] == asked


def test_prompts_that_came_in_parallel_are_joined_by_their_source(parallel: Trial, served: list[tgi.Handle]) -> None:
    first, *_ = english = [row for row in parallel.prompts if row["language"] == "en"]
    parallel.prompts += [
        {**first, "prompt": "Question 0 in other words: what of 0?"},
        {**first, "id": "alone", "language": "de", "prompt": "Frage ohne Original: was ist 7?"},
    ]
    ran = parallel.build()
    assert ran.code == 0
    assert "arm translation: 1 of 14 prompts have no row (no answer: no_original: 1)" in ran.out
    assert len(served[0].log) == len(english) + 1
    found = {row["source_id"]: row for row in _derived(parallel)}
    assert (found["alone"]["error"], found["alone"]["parents"]) == ("no_original", [])
    ids = [row["prompt_id"] for row in parallel.pool() if row["language"] == "en" and row["source_id"] == "s0"]
    assert found["s0"]["parents"] == [f"{min(ids)}/a/0"]
    assert _manifest(parallel)["arms"]["translation"]["without_row"] == {"no answer: no_original": 1}
    assert parallel.reproduce().code == 0
    parallel.more["tolerate"] = 0.01
    assert parallel.build().code == 1


def test_a_translated_prompt_has_the_answer_to_its_own_original(arm: Trial) -> None:
    first = arm.prompts[0]
    arm.prompts = [first, {**first, "prompt": "Question in other words: what of nothing?"}]
    arm.more |= {"languages": ["de", "en"]}
    assert arm.build().code == 0
    pool = {f"{row['prompt_id']}/{row['teacher']}/0": row for row in arm.pool()}
    pairs = [(row, pool[row["parents"][0]]) for row in pool.values() if row["parents"]]
    assert len(pairs) == 2
    for row, parent in pairs:
        assert row["prompt"][0]["content"] == translated(parent["prompt"][0]["content"], "German")


def test_a_preview_translates_the_answers_of_its_own_sources(arm: Trial, served: list[tgi.Handle]) -> None:
    assert arm.build("--limit", "3").code == 0
    assert [len(handle.log) for handle in served[:2]] == [3, 3 * 3 + 3 * 3]
    assert arm.build().code == 0
    assert [len(handle.log) for handle in served[:2]] == [8, 8 * 3 + 8 * 3]


def test_a_teacher_of_english_alone_answers_every_language(arm: Trial, served: list[tgi.Handle]) -> None:
    arm.teachers["a"]["languages"] = ["en"]
    arm.arms |= {router: {"router": router} for router in ("reward", "random", "fixed")}
    arm.arms["single"] = {"router": "single", "teacher": "a"}
    ran = arm.build()
    assert ran.code == 0, ran
    assert len(arm.table("translation")) == 4 * 8
    for name in ("reward", "random", "fixed", "single"):
        assert {row["language"] for row in arm.table(name)} == {"en"}
    assert len(served[0].log) == 8
    assert arm.reproduce().code == 0
    del arm.arms["translation"]
    ran = arm.build()
    assert ran.code == 2 and "no teacher serves 'ar'" in ran.err


def test_an_arm_more_that_translates_changes_no_other(parallel: Trial, served: list[tgi.Handle]) -> None:
    with tgi.serve([double("b"), double("c")]) as others:
        parallel.teachers |= {name: teacher(name, one.url) for name, one in zip("bc", others, strict=True)}
        parallel.arms = {"reward": {"router": "reward"}, "random": {"router": "random"}}
        parallel.more |= {
            "rewards": {"x": {"python": "chrf"}, "y": {"python": "exact_match"}, "both": {"mean_of": ["x", "y"]}},
            "route_by": "both",
        }
        assert parallel.build().code == 0
        tables = ("reward", "random", "preferences")
        before = {name: parallel.table(name) for name in tables}
        parallel.arms |= ARM
        assert parallel.build().code == 0
        assert {name: parallel.table(name) for name in tables} == before
        assert all(row["reward"] is not None for row in parallel.table("translation"))


SPOILS: dict[str, Any] = {
    "untranslated": lambda text, answer: text,
    "length": lambda text, answer: answer + answer[:9] * 40,
    "language": lambda text, answer: translated(text, "Ukrainian"),
    "numbers": lambda text, answer: "".join(char for char in answer if char not in "0123456789[]"),
    "empty": lambda text, answer: "",
}


@pytest.mark.parametrize("why", SPOILS)
def test_a_translation_that_is_none_is_an_error_by_name(parallel: Trial, served: list[tgi.Handle], why: str) -> None:
    served[1].double.answers = translator(SPOILS[why])
    ran = parallel.build()
    assert f"arm translation: 6 of 12 prompts have no row (no answer: translation_{why}: 6)" in ran.out
    for row in _derived(parallel):
        assert (row["completion"], row["error"]) == (None, f"translation_{why}")
        assert len(row["parents"]) == 1
    assert f"translation_{why} 6" in (parallel.dataset / "README.md").read_text()
    assert parallel.status()["teachers"]["a+translation"]["languages"]["de"]["final_errors"] == 6
    assert parallel.reproduce().code == 0


def test_short_answers_code_and_numbers_may_stay_as_they_are(parallel: Trial, served: list[tgi.Handle]) -> None:
    a, nmt, _ = served
    nmt.double.answers = translator(lambda text, answer: text)
    texts = ["42", "```\nx = 1\n```", "Paris", "https://example.org", "", "  "]
    english = [row["prompt"] for row in parallel.prompts if row["language"] == "en"]
    a.double.answers = lambda question: texts[english.index(question.prompt)]
    ran = parallel.build()
    assert "(no answer: empty: 4)" in ran.out, "two in either language"
    assert {row["source_id"]: row["completion"] for row in _derived(parallel)} == {
        f"s{n}": text for n, text in enumerate(texts)
    }
    assert parallel.reproduce().code == 0


def test_an_answer_that_was_cut_off_is_flagged_in_every_language(parallel: Trial) -> None:
    parallel.more["sampling"] = {"max_tokens": 5}
    assert parallel.build().code == 0
    assert {(row["finish_reason"], *row["checks"]) for row in parallel.pool()} == {("length", "truncated")}


def test_what_the_teacher_could_not_say_is_named_and_mended(parallel: Trial, served: list[tgi.Handle]) -> None:
    served[0].faults.set(by_prompt={"validation": 0.5})
    assert parallel.build().code == 0
    refused = {row["source_id"] for row in parallel.pool() if row["teacher"] == "a" and row["error"]}
    assert 0 < len(refused) < 6
    assert {row["source_id"] for row in _derived(parallel) if row["error"] == "validation"} == refused
    assert parallel.reproduce().code == 0


def test_a_teacher_that_is_down_for_a_while_leaves_nothing_behind(parallel: Trial, served: list[tgi.Handle]) -> None:
    served[0].faults.set(by_prompt={"unavailable": 1.0})
    parallel.more["patience"] = "0.3s"
    ran = parallel.build()
    assert "teacher a: 6 of 6 asks have no answer" in ran.out and "teacher a+translation" not in ran.out
    assert "arm translation: 12 of 12 prompts have no row (no answer: server: 12)" in ran.out
    assert {row["error"] for row in _derived(parallel)} == {"server"}
    assert parallel.reproduce().code == 0
    served[0].faults.clear()
    assert parallel.build().code == 0
    assert len(parallel.table("translation")) == 12


def test_an_answer_wanted_in_another_language_is_not_translated(parallel: Trial) -> None:
    for row in parallel.prompts:
        row["wanted"] = "fr" if row["id"] == "s0" else None
    parallel.columns["answer_language"] = "wanted"
    ran = parallel.build()
    assert "1 of 12 prompts have no row (no answer: answer_language: 1)" in ran.out
    assert parallel.reproduce().code == 0


def test_translated_answers_are_checked_for_their_language(parallel: Trial, served: list[tgi.Handle]) -> None:
    english = "The number has many divisors, and one can easily take it apart into smaller ones."
    german = "Die Zahl hat viele Teiler, und man kann sie leicht in kleinere Zahlen zerlegen."
    french = "Ce nombre a beaucoup de diviseurs, et on peut le décomposer en nombres plus petits."
    served[0].double.answers = lambda question: english + (" Really." if "Question 1:" in question.prompt else "")
    served[1].double.answers = translator(lambda text, answer: french if "Really" in text else german)
    parallel.more["checks"] = ["empty", "truncated", "no_answer", "language"]
    assert parallel.build().code == 0
    flagged = {row["source_id"] for row in _derived(parallel) if row["checks"] == ["language"]}
    assert flagged == {"s1"}
    assert _manifest(parallel)["language_check"]["languages"]["de"]["wrong"] == 1


def test_a_model_in_the_process_translates_answers_too(tmp_path: Path, served: list[tgi.Handle]) -> None:
    trial = translated_trial(tmp_path, served[0], served[1])
    trial.write()
    write_model(tmp_path / "tiny")
    trial.arms, trial.prompts = dict(ARM), rows(3, ["en", "de"])
    trial.more |= {"languages": ["de", "en"], "translate": {"model": "tiny"}}
    assert trial.build().code == 0
    english = {row["source_id"]: row["completion"] for row in trial.pool() if row["language"] == "en"}
    assert {row["source_id"]: row["completion"] for row in _derived(trial)} == {
        source: spelled(text) for source, text in english.items()
    }
    assert trial.reproduce().code == 0


def test_what_cannot_change_a_translated_answer_costs_none(parallel: Trial, served: list[tgi.Handle]) -> None:
    a, nmt, _ = served
    assert parallel.build().code == 0
    assert (len(a.log), len(nmt.log)) == (6, 6)
    parallel.more["seed"] = 8
    parallel.arms["other"] = {"router": "translation", "teacher": "a"}
    assert parallel.build().code == 0
    assert (len(a.log), len(nmt.log)) == (6, 6)
    parallel.more["translate"]["max_length"] = 1000
    assert parallel.build().code == 0
    assert (len(a.log), len(nmt.log)) == (6, 12), "another setting translates anew; the teacher is not asked again"
    parallel.teachers["a"]["sampling"] = {"temperature": 0.9}
    assert parallel.build().code == 0
    assert (len(a.log), len(nmt.log)) == (12, 12), "what an answer says again is translated"
    parallel.teachers["a"]["sampling"] = {"temperature": 0.8}
    a.double.answers = lambda question: f"Another answer to {question.prompt}"
    assert parallel.build().code == 0
    assert (len(a.log), len(nmt.log)) == (18, 18), "other answers have other translations"
    del parallel.more["translate"]["max_length"]
    parallel.teachers["a"].pop("sampling")
    assert parallel.build().code == 0
    assert (len(a.log), len(nmt.log)) == (18, 18), "what is stored is not made again"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.arms.update(translation={"router": "translation"}), "needs teacher: NAME"),
        (lambda t: t.more.pop("translate"), "needs translate:"),
        (lambda t: t.arms.update(translation={"router": "translation", "teacher": "b"}), "no teacher is called 'b'"),
        (
            lambda t: (
                t.teachers["a"].update(languages=["de"]),
                t.teachers.update(b={**t.teachers["a"], "model": "org/b", "languages": ["en"]}),
            ),
            "asks 'a' in 'en', the language of translate: from:, which it does not serve",
        ),
    ],
    ids=["no teacher", "no translator", "unknown teacher", "not in English"],
)
def test_a_recipe_that_cannot_be_is_refused(parallel: Trial, change: Any, said: str) -> None:
    change(parallel)
    parallel.write()
    for verb in ("check", "build"):
        ran = parallel.run(verb)
        assert ran.code == 2
        assert said in ran.err and "arms.translation" in ran.err


def test_without_its_teacher_there_is_no_arm(parallel: Trial, served: list[tgi.Handle]) -> None:
    parallel.teachers["b"] = {**parallel.teachers["a"], "extra": {"frequency_penalty": 0.1}}
    parallel.arms["random"] = {"router": "random"}
    assert parallel.build("--without", "a").code == 0
    assert set(_manifest(parallel)["arms"]) == {"random"}
    assert parallel.build("--arm", "random").code == 0
    assert not _derived(parallel)
