"""Whatever the prompts, the recipe or the reward are like: a named outcome, one message, nothing lost."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import tgi
from line.trial import Ran, Trial, contents, double, keys, rows, teacher

SECRET = "hf_s3cr3tS3CR3Ts3cr3t"


@pytest.fixture(scope="module")
def served() -> Iterator[list[tgi.Handle]]:
    with tgi.serve([double("a"), double("b"), double("locked", api_key=SECRET)]) as handles:
        yield handles


@pytest.fixture
def trial(tmp_path: Path, served: list[tgi.Handle]) -> Iterator[Trial]:
    for handle in served:
        handle.log.clear()
    yield Trial(
        tmp_path,
        {"a": teacher("a", served[0].url), "b": teacher("b", served[1].url)},
        arms={"reward": {"router": "reward"}, "a": {"router": "single", "teacher": "a"}},
    )
    for handle in served:
        handle.faults.clear()


def _row(language: str, prompt: Any, **more: Any) -> dict[str, Any]:
    return {"id": None, "language": language, "prompt": prompt, "answer": "x", "topic": "t", **more}


# Prompts


def test_texts_of_every_kind_come_through(trial: Trial) -> None:
    texts = [
        "مرحبا، كيف حالك؟ \u202e\u200f",
        "👩‍👩‍👧‍👦 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𐍈",
        "e\u0301 and \u00e9 are not the same here",
        "nul \u0000 and \u001b[31mred\u001b[0m and \r\n and \u2028",
        "[bold]markup[/bold] [/] {braces} %s ${HOME}",
        "  blank around  ",
    ]
    trial.prompts = [_row("de", text) for text in texts]
    assert trial.build().code == 0
    assert sorted(row["prompt"][0]["content"] for row in trial.table("a")) == sorted(texts)
    for row in trial.table("a"):
        assert row["prompt"][0]["content"] in row["completion"][0]["content"]
        shown = trial.run("show", row["prompt_id"])
        assert shown.code == 0
        assert "\x1b" not in shown.out
    assert trial.run("show", "--json").json["prompt"]["language"] == "de"


def test_a_prompt_of_a_hundred_thousand_characters(trial: Trial) -> None:
    trial.prompts.append(_row("tr", "ş" * 100_000, id="long"))
    ran = trial.build()
    assert ran.code == 1
    assert "arm a: 1 of 13 prompts have no row (no answer: validation: 1)" in ran.out
    refused = [row for row in trial.pool() if row["error"]]
    assert [(row["error"], row["source_id"]) for row in refused] == [("validation", "long")] * 2
    assert trial.status()["failures"][0]["count"] == 1
    trial.more["tolerate"] = 0.1
    again = trial.build()
    assert again.code == 0
    assert "note: arm a: 1 of 13" in again.out


def test_rows_that_are_no_prompts(trial: Trial) -> None:
    good = len(trial.prompts)
    trial.prompts += [_row("de", ""), _row("de", " \n"), _row("de", None), _row("de", 5), _row("xx", "other"), good]
    trial.prompts += [dict(trial.prompts[0]), {**trial.prompts[1], "id": "another"}]
    ran = trial.build()
    assert ran.code == 0
    assert "prompts.jsonl:13" in ran.err
    manifest = json.loads((trial.dataset / "manifest.json").read_text())
    (source,) = manifest["prompt_sources"]
    expected = {"read": good + 8, "unreadable": 5, "other_language": 1, "duplicates": 2, "kept": good}
    assert expected.items() <= source.items()


def test_no_prompt_is_left(trial: Trial) -> None:
    trial.prompts = [_row("de", ""), _row("xx", "other")]
    ran = trial.build()
    assert ran.code == 2
    assert "prompts: none is left" in ran.err
    # What was there before stays.
    trial.prompts = rows(3)
    assert trial.build().code == 0
    trial.prompts = []
    assert trial.build().code == 2
    assert len(trial.table("a")) == 6


def test_a_prompts_file_that_is_gone(trial: Trial) -> None:
    trial.write()
    (trial.folder / "prompts.jsonl").unlink()
    ran = trial.run("build")
    assert (ran.code, "prompts.jsonl: no such file" in ran.err) == (2, True)


# Recipe


def _refused(trial: Trial, *said: str) -> Ran:
    ran = trial.build()
    assert ran.code == 2
    for words in said:
        assert words in ran.err
    assert not trial.run_folder.exists()
    return ran


def test_a_recipe_that_is_gone(trial: Trial) -> None:
    trial.folder.mkdir(exist_ok=True)
    for verb in ("check", "build", "status", "show"):
        ran = trial.run(verb)
        assert (ran.code, "recipe.yaml" in ran.err) == (2, True)


def test_a_recipe_that_is_no_yaml(trial: Trial) -> None:
    trial.write()
    trial.recipe.write_text("name: [")
    assert trial.run("build").code == 2
    trial.recipe.write_bytes(b"\xff\xfe\x00")
    assert trial.run("build").code == 2


def test_a_typo(trial: Trial) -> None:
    trial.teachers["a"]["concurency"] = 3
    _refused(trial, "teachers.a.concurency: unknown key; did you mean 'concurrency'?")


def test_a_language_that_nobody_serves(trial: Trial) -> None:
    for one in trial.teachers.values():
        one["languages"] = ["de"]
    _refused(trial, "no teacher serves 'tr'")


def test_norwegian(trial: Trial) -> None:
    trial.more["languages"] = ["no", "de"]
    trial.prompts = rows(4, ["no", "de"])
    trial.write()
    text = trial.recipe.read_text().replace('"no"', "no")
    assert "\n  no," in text
    trial.recipe.write_text(text)
    assert trial.run("build").code == 0
    assert (trial.dataset / "reward" / "no").is_dir()


@pytest.mark.parametrize("token", [SECRET, [SECRET], {"nested": SECRET}, f"Bearer {SECRET}", f"${{TOKEN}}{SECRET}"])
def test_a_literal_token_is_not_echoed(trial: Trial, token: Any) -> None:
    trial.teachers["a"]["token"] = token
    ran = _refused(trial, "teachers.a.token")
    assert SECRET not in ran.err + ran.out


def test_a_variable_that_is_not_set(trial: Trial) -> None:
    trial.teachers["a"]["token"] = "${NO_SUCH_TOKEN}"
    _refused(trial, "environment variable NO_SUCH_TOKEN is not set")


def test_a_run_is_read_without_the_variables_that_asking_needs(trial: Trial, served: list[tgi.Handle]) -> None:
    trial.teachers["a"] |= {"endpoint": "${A_URL}", "token": "${A_TOKEN}"}
    trial.environ = {"A_URL": served[0].url, "A_TOKEN": "of-no-account"}
    assert trial.build().code == 0
    trial.environ = {}
    assert trial.run("status").code == 0
    assert trial.run("show").code == 0
    assert trial.run("build").code == 2


def test_unknown_names(trial: Trial) -> None:
    trial.write()
    for options, said in (
        (["--arm", "rewrad"], "--arm rewrad: the recipe's arms are reward, a"),
        (["--until", "nowhere"], "--until nowhere: the stages are prompts, completions, rewards, routes"),
    ):
        ran = trial.run("build", *options)
        assert (ran.code, said in ran.err) == (2, True)


# Teachers


def test_another_model_answers(trial: Trial, served: list[tgi.Handle]) -> None:
    served[0].faults.set(info_model="org/impostor")
    ran = trial.build()
    assert ran.code == 2
    assert "teacher a: " in ran.err
    assert "serves 'org/impostor', not 'org/a'" in ran.err
    assert not served[0].log + served[1].log


def _locked(trial: Trial, served: list[tgi.Handle], token: str) -> None:
    trial.teachers["b"] = teacher("locked", served[2].url, token="${TOKEN}")
    trial.environ = {"TOKEN": token}


@pytest.mark.parametrize("verb", ["build", "check"])
def test_the_right_token_appears_nowhere(trial: Trial, served: list[tgi.Handle], verb: str) -> None:
    _locked(trial, served, SECRET)
    trial.write()
    ran = trial.run(verb)
    assert ran.code == 0
    trial.assert_nowhere(SECRET, ran, trial.run("status", "--json"), trial.run("show", "--json"))


def test_the_wrong_token_appears_nowhere_either(trial: Trial, served: list[tgi.Handle]) -> None:
    _locked(trial, served, SECRET + "x")
    ran = trial.build()
    assert ran.code == 2
    assert "teacher b: " in ran.err
    assert "check token:" in ran.err
    assert not served[0].log + served[2].log
    trial.assert_nowhere(SECRET, ran, trial.run("status", "--json"))
    _locked(trial, served, SECRET)
    assert trial.build().code == 0


@pytest.mark.parametrize("shares", [{"html": 1.0}, {"bad_utf8": 1.0}, {"hang": 1.0}])
def test_a_secret_in_an_address_appears_nowhere(
    trial: Trial, served: list[tgi.Handle], shares: dict[str, float]
) -> None:
    trial.teachers["b"] |= {"endpoint": [f"{served[1].url}/${{PATH_SECRET}}"], "deadline": "1s"}
    trial.environ = {"PATH_SECRET": SECRET}
    ran = trial.build()
    assert ran.code == 1
    trial.assert_nowhere(SECRET, ran, trial.run("status", "--json"))


# Rewards

REWARDS = {
    "raises": ("raise KeyError('oops')", "raised KeyError: 'oops'"),
    "wrong length": ("return [1.0]", "returned 1 scores for 24 completions"),
    "NaN": ("return [float('nan')] * len(completions)", "returned nan for prompt"),
    "text": ("return ['good'] * len(completions)", "returned 'good' for prompt"),
    "nothing": ("return None", "raised TypeError"),
}


@pytest.mark.parametrize(("body", "said"), REWARDS.values(), ids=REWARDS)
def test_a_reward_that_misbehaves(trial: Trial, served: list[tgi.Handle], body: str, said: str) -> None:
    source = trial.folder / "mine.py"
    source.write_text(f"def score(prompts, completions, **_):\n    {body}\n")
    trial.more["rewards"] = {"mine": {"python": "mine:score"}}
    trial.write()
    ran = trial.cli("build")
    assert ran.code == 2
    assert f"rewards.mine (mine:score) {said}" in ran.err
    assert trial.status()["teachers"]["a"]["languages"]["de"]["answered"] == 6
    source.write_text("def score(prompts, completions, **_):\n    return [None] * len(completions)\n")
    assert trial.cli("build").code == 1
    source.write_text("def score(prompts, completions, **_):\n    return [1] * len(completions)\n")
    assert trial.cli("build").code == 0
    assert len(served[0].log) == len(served[1].log) == 12


def test_a_reward_that_is_not_there(trial: Trial) -> None:
    for spec in ("nowhere:score", "json:nothing", "chfr"):
        trial.more["rewards"] = {"mine": {"python": spec}}
        _refused(trial, "rewards.mine.python")


def test_a_score_of_none_is_no_score_of_zero(trial: Trial) -> None:
    for row in trial.prompts[:4]:
        row["answer"] = None
    assert trial.build().code == 1
    unscored = keys(trial.prompts[:4])
    for row in trial.pool():
        assert (row["reward"] is None) == (tgi.key_of(row["prompt"][0]["content"]) in unscored)
    # Several answers of which none is scored cannot be compared.
    assert len(trial.table("reward")) == 8
    assert len(trial.table("a")) == 12


# Parts of a build


def test_a_limit_writes_a_preview(trial: Trial) -> None:
    ran = trial.build("--limit", "2")
    assert ran.code == 0
    preview = trial.run_folder / "preview"
    assert not trial.dataset.exists()
    assert len(list(preview.glob("reward/*/*.parquet"))) >= 2
    assert trial.run("build").code == 0
    assert trial.dataset.exists()
    assert preview.exists()


def test_every_stage_can_be_the_last(trial: Trial, served: list[tgi.Handle]) -> None:
    expected = {"prompts": (0, 0), "completions": (24, 0), "rewards": (24, 24), "routes": (24, 24)}
    for stage, (requests, scores) in expected.items():
        ran = trial.build("--until", stage)
        assert ran.code == 0
        assert len(served[0].log) + len(served[1].log) == requests
        assert trial.query("SELECT count(*) FROM score") == [(scores,)]
        assert not trial.dataset.exists()
    assert trial.build().code == 0
    assert len(served[0].log) == len(served[1].log) == 12


def test_one_arm(trial: Trial, served: list[tgi.Handle]) -> None:
    assert trial.build("--arm", "a").code == 0
    assert (len(served[0].log), len(served[1].log)) == (12, 0)
    assert {path.name for path in trial.dataset.iterdir() if path.is_dir()} == {"a", "assets", "pool", "routes"}
    assert trial.build().code == 0
    assert (len(served[0].log), len(served[1].log)) == (12, 12)


def test_a_run_elsewhere(trial: Trial) -> None:
    other = trial.folder / "else where" / "ü"
    assert trial.build("--run", str(other)).code == 0
    assert (other / "dataset" / "README.md").exists()
    assert not trial.run_folder.exists()
    assert trial.run("status", "--run", str(other)).code == 0
    ran = trial.run("status")
    assert (ran.code, "arbitrage build" in ran.err) == (2, True)
    assert trial.run("show").code == 2


def test_the_same_command_gives_the_same_bytes(trial: Trial) -> None:
    assert trial.build().code == 0
    before = contents(trial.dataset)
    assert trial.build().code == 0
    assert trial.cli("build").code == 0
    assert contents(trial.dataset) == before
    assert trial.run_folder.joinpath("recipe.yaml").read_bytes() == before["recipe.yaml"]


def test_a_store_of_a_newer_version(trial: Trial) -> None:
    assert trial.build().code == 0
    with closing(sqlite3.connect(trial.store)) as connection:
        connection.execute("PRAGMA user_version = 99")
    for verb in ("build", "check", "status", "show"):
        ran = trial.run(verb)
        assert (ran.code, "the store has schema 99" in ran.err) == (2, True)


@pytest.mark.parametrize("damage", [b"", b"no database at all" * 300])
def test_a_store_that_is_none(trial: Trial, damage: bytes) -> None:
    trial.run_folder.mkdir(parents=True)
    trial.write()
    trial.store.write_bytes(damage)
    for verb in ("status", "show"):
        assert trial.run(verb).code == 2
    assert trial.run("build").code == (2 if damage else 0)


def test_what_is_no_dataset_folder_is_not_replaced(trial: Trial, served: list[tgi.Handle]) -> None:
    trial.dataset.mkdir(parents=True)
    (trial.dataset / "thesis.tex").write_text("years of work")
    ran = trial.build()
    assert (ran.code, "is in the way" in ran.err) == (2, True)
    assert (trial.dataset / "thesis.tex").exists()
    assert len(served[0].log) == 12
