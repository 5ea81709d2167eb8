"""`price`, `max_usd`, `--without`: what is spent, when asking stops, and how a build goes on without a teacher."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import tgi
from line.trial import Ran, Trial, contents, double, rows, teacher

PRICE = {"input": 100.0, "output": 1000.0}
"""USD per million tokens: an answer costs some cents, its ceiling a quarter."""


@pytest.fixture
def served() -> Iterator[list[tgi.Handle]]:
    with tgi.serve([double("a"), double("b")]) as handles:
        yield handles


@pytest.fixture
def trial(tmp_path: Path, served: list[tgi.Handle]) -> Trial:
    return Trial(
        tmp_path,
        {"a": teacher("a", served[0].url, price=PRICE), "b": teacher("b", served[1].url)},
        prompts=rows(20),
        arms={
            "reward": {"router": "reward"},
            "random": {"router": "random"},
            "a": {"router": "single", "teacher": "a"},
        },
    )


def _spent(trial: Trial) -> float:
    """Return what the pool's answers cost, counted apart from the program."""
    counts = trial.query("SELECT total(prompt_tokens), total(completion_tokens) FROM completion WHERE model = 'org/a'")
    return (counts[0][0] * PRICE["input"] + counts[0][1] * PRICE["output"]) / 1e6


def _stopped(trial: Trial, most: float) -> Ran:
    trial.more["max_usd"] = most
    ran = trial.build()
    assert ran.code == 1
    assert "asks have no answer (budget): max_usd is" in ran.out and "raise max_usd:" in ran.out
    assert _spent(trial) <= most
    return ran


def test_the_spend_never_passes_max_usd_and_raising_it_goes_on(trial: Trial, served: list[tgi.Handle]) -> None:
    _stopped(trial, 0.6)
    first = len(served[0].log)
    assert 0 < first < 40
    # What the ceiling held was given back: what is left could not pay for one ask more.
    assert _spent(trial) > 0.6 - 0.3
    # Who has no price is asked all.
    assert len(served[1].log) == 40
    state = trial.status()
    assert state["spent_usd"] == pytest.approx(_spent(trial))
    assert "is spent of max_usd $0.60" in trial.run("status").out
    _stopped(trial, 0.9)
    assert first < len(served[0].log) < 40
    trial.more["max_usd"] = 50
    assert trial.build().code == 0
    assert [len(handle.log) for handle in served] == [40, 40]
    # Nothing of it is part of what the dataset is.
    whole = contents(trial.dataset)
    del trial.more["max_usd"]
    assert trial.build().code == 0
    assert contents(trial.dataset) == whole


def test_check_says_what_is_spent_and_whether_it_may_not_suffice(trial: Trial) -> None:
    trial.more["max_usd"] = 0.6
    trial.write()
    said = trial.run("check").out
    assert "$0.00 is spent of max_usd $0.60" in said and "the build may stop before it is done" in said
    assert "not known beforehand: what b cost" in said
    trial.more["max_usd"] = 500
    assert trial.build().code == 0
    assert trial.run("check", "--json").json["spent_usd"] == pytest.approx(_spent(trial))


def test_what_a_budget_stops_is_never_tolerated(trial: Trial) -> None:
    trial.more["tolerate"] = 1
    _stopped(trial, 0.6)


def test_answers_of_a_teacher_that_the_recipe_lost_stay_spent(trial: Trial, served: list[tgi.Handle]) -> None:
    assert trial.build().code == 0
    before = _spent(trial)
    assert trial.build("--without", "a").code == 0
    assert trial.status()["spent_usd"] == pytest.approx(before)
    del trial.teachers["a"], trial.arms["a"]
    trial.teachers["b"]["price"] = PRICE
    trial.prompts = rows(25)
    trial.more["max_usd"] = before
    assert trial.build().code == 1
    assert len(served[1].log) == 40


def test_imported_answers_cost_nothing(trial: Trial, served: list[tgi.Handle]) -> None:
    assert trial.build().code == 0
    trial.dataset.rename(trial.folder / "published")
    trial.store.unlink()
    trial.more["max_usd"] = 0.01
    trial.write()
    assert trial.run("import", str(trial.folder / "published")).code == 0
    assert trial.build().code == 0
    assert trial.status()["spent_usd"] == 0
    assert len(served[0].log) == 40


def test_a_kill_forgets_no_money(trial: Trial, served: list[tgi.Handle]) -> None:
    served[0].double.latency = 0.1
    trial.teachers["a"]["concurrency"] = 2
    trial.more["max_usd"] = 1.5
    trial.write()
    with trial.start("build") as process:
        while len(served[0].log) < 6:
            time.sleep(0.01)
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
    served[0].double.latency = 0
    _stopped(trial, 1.0)


def test_hours_are_counted_with_the_deadline_of_what_is_in_flight(trial: Trial, served: list[tgi.Handle]) -> None:
    served[0].double.latency = 0.2
    trial.teachers["a"] |= {"price": {"hour": 3600.0}, "deadline": "2s", "concurrency": 1}
    trial.more["max_usd"] = 3.0
    ran = trial.build()
    assert ran.code == 1 and "max_usd is 3: " in ran.out
    # A second is a dollar: what is in flight could take two, so asking stops when one is over.
    assert 2 <= len(served[0].log) <= 8
    assert 0 < trial.status()["spent_usd"] < 3.0
    trial.more["max_usd"] = 1.0
    before = len(served[0].log)
    assert trial.build().code == 1
    assert len(served[0].log) == before


def test_hours_cost_nothing_more_once_a_teacher_is_paid_by_tokens(trial: Trial, served: list[tgi.Handle]) -> None:
    trial.arms = {"a": {"router": "single", "teacher": "a"}}
    del trial.teachers["a"]["price"]
    assert trial.build().code == 0
    trial.teachers["a"]["price"] = {"hour": 3600.0}
    assert trial.build().code == 0
    hours = trial.status()["spent_usd"]
    assert hours > 0, "also those of builds when nobody had said the price"
    trial.teachers["a"]["price"] = {"input": 0.0, "output": 0.0}
    trial.prompts = rows(30)
    assert trial.build().code == 0
    assert len(served[0].log) == 60
    assert trial.status()["spent_usd"] == hours


def test_without_a_teacher_the_recipe_is_as_if_it_did_not_have_it(trial: Trial, served: list[tgi.Handle]) -> None:
    assert trial.build().code == 0
    served[0].faults.set(down=3600.0)
    ran = trial.build("--without", "a")
    assert ran.code == 0
    assert [len(handle.log) for handle in served] == [40, 40]
    manifest = json.loads((trial.dataset / "manifest.json").read_text())
    assert (sorted(manifest["arms"]), list(manifest["recipe"]["teachers"])) == (["random", "reward"], ["b"])
    assert manifest["left_out"] == ["a"]
    assert {row["teacher"] for row in trial.pool()} == {"b"}
    assert len(trial.table("random")) == len(trial.table("reward")) == 40
    assert "Left out of this build, with all that they had answered: a." in (trial.dataset / "README.md").read_text()
    assert trial.reproduce().code == 0
    served[0].faults.clear()
    assert trial.build().code == 0
    assert {row["teacher"] for row in trial.pool()} == {"a", "b"}
    assert [len(handle.log) for handle in served] == [40, 40]


def test_without_whom_a_build_cannot_be(trial: Trial) -> None:
    trial.write()
    for options, said in (
        (["--without", "x"], "--without x: no teacher is called that"),
        (["--without", "a", "--without", "b"], "nobody else serves 'de'"),
        (["--without", "a", "--arm", "a"], "--without a: every arm asks nobody else"),
    ):
        ran = trial.run("build", *options)
        assert (ran.code, said in ran.err) == (2, True), ran
