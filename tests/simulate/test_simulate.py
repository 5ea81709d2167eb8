"""Routers replayed on recorded pools: a Parquet of scores with known truth, and a dataset that was built."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tgi
from arbitrage.cli import app
from arbitrage.simulate.simulate import simulate
from line.trial import Trial, double, teacher
from typer.testing import CliRunner

TEACHERS = ["north", "south", "east"]


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    with tgi.serve([double("a"), double("b")]) as handles:
        teachers = {name: teacher(name, handle.url) for name, handle in zip("ab", handles, strict=True)}
        yield Trial(tmp_path, teachers, more={"test": 0.5})


def scores(count: int = 300, *, seed: int = 1, apart: float = 1.0, **more: Any) -> list[dict[str, Any]]:
    """Return a matrix in which south leads in German and east in Turkish, and the second score knows half of it."""
    random = Random(seed)
    found = []
    for n in range(count):
        for language, best in (("de", "south"), ("tr", "east")):
            level = random.gauss(0, 3)
            for name in TEACHERS:
                merit = apart * (name == best) + random.gauss(0, 0.5)
                found.append(
                    {
                        "prompt_id": f"p{n}",
                        "language": language,
                        "teacher": name,
                        "score": level + merit + random.gauss(0, 0.5),
                        "held_out": merit + random.gauss(0, 0.5),
                        "cost": 0.01,
                        "text": f"frage {n}",
                        **more,
                    }
                )
    return found


def written(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "scores.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def run(path: Path, *arms: str, **more: Any) -> dict[str, Any]:
    given = {"pilot": None, "seed": 3, "held_out": None, "folder": path.parent, **more}
    return simulate(path, arms, **given)


def test_blind_choice_gains_nothing_and_the_whole_pool_everything(tmp_path: Path) -> None:
    found = run(written(tmp_path, scores()))
    arms = found["arms"]
    assert arms["reward"]["own"]["share"] == {"mean": 1.0, "low": 1.0, "high": 1.0}
    blind = arms["random"]["own"]["share"]
    assert blind["low"] < 0 < blind["high"]
    assert arms["reward"]["generations"] == 3 and arms["fixed"]["generations"] == 1
    assert arms["learned,top=2"]["generations"] == 2
    assert arms["fixed"]["own"]["share"]["mean"] > 0.4
    assert arms["fixed"]["own"]["share"]["mean"] < arms["learned,top=2"]["own"]["share"]["mean"] < 1
    assert arms["learned"]["own"]["share"]["mean"] >= arms["fixed"]["own"]["share"]["low"]
    # What the score that routes sees in itself does not transfer whole.
    assert 0 < arms["reward"]["held_out"]["gain"]["mean"] < arms["reward"]["own"]["gain"]["mean"]
    assert math.isclose(arms["reward"]["usd"], 0.03 * found["prompts"], rel_tol=1e-9)
    assert found["sources"] * 2 == found["prompts"]


def test_where_all_answers_are_worth_the_same_nobody_gains(tmp_path: Path) -> None:
    # Sums of equal numbers are off by a rounding, and equal texts by what stood beside them in a batch.
    rows = [
        {**row, "score": int(row["prompt_id"][1:]) / 7, "held_out": 3.0 + n * 1e-8} for n, row in enumerate(scores(60))
    ]
    for name, arm in run(written(tmp_path, rows))["arms"].items():
        assert arm["own"]["gain"] == {"mean": 0.0, "low": 0.0, "high": 0.0}, name
        assert arm["held_out"]["gain"] == {"mean": 0.0, "low": 0.0, "high": 0.0}, name
        assert arm["own"]["share"]["mean"] is None


def test_the_interval_of_a_share_holds_the_truth(tmp_path: Path) -> None:
    def share(seed: int, count: int) -> dict[str, float]:
        found: dict[str, float] = run(written(tmp_path, scores(count, seed=seed)), "single,teacher=south")["arms"][
            "single,teacher=south"
        ]["own"]["share"]
        return found

    truth = share(99, 6000)["mean"]
    held = sum(one["low"] <= truth <= one["high"] for one in (share(seed, 60) for seed in range(40)))
    assert held >= 34


def test_the_same_twice_and_in_any_order_of_rows(tmp_path: Path) -> None:
    rows = scores(60)
    first = run(written(tmp_path, rows))
    Random(1).shuffle(rows)
    assert run(written(tmp_path, rows)) == first


def test_rows_that_lack_a_score_are_unscored_and_never_nought(tmp_path: Path) -> None:
    rows = scores(60)
    for row in rows:
        if row["teacher"] == "south":
            row["score"] = [None, math.nan, math.inf][int(row["prompt_id"][1:]) % 3]
    found = run(written(tmp_path, rows), "reward", "fixed")
    assert found["arms"]["reward"]["own"]["share"]["mean"] == 1.0
    assert found["best_single"] in TEACHERS
    whole = run(written(tmp_path, [{**row, "score": None} for row in rows]), "reward")
    assert whole["prompts"] == 0 and whole["arms"]["reward"]["own"]["share"]["mean"] is None


def test_prompts_that_lack_an_answer_are_counted(tmp_path: Path) -> None:
    rows = [row for n, row in enumerate(scores(60)) if n % 11]
    found = run(written(tmp_path, rows), "reward", "single,teacher=south")
    assert found["arms"]["single,teacher=south"]["lacking"] > 0
    assert found["arms"]["reward"]["lacking"] > 0
    assert found["prompts"] < 120


def test_a_file_that_says_its_split_is_taken_at_its_word(tmp_path: Path) -> None:
    rows = [{**row, "split": "train" if int(row["prompt_id"][1:]) < 30 else "test"} for row in scores(60)]
    assert run(written(tmp_path, rows), "reward")["prompts"] == 60
    with pytest.raises(Exception, match="no prompt of a test source"):
        run(written(tmp_path, [{**row, "split": "train"} for row in rows]), "reward")


@pytest.mark.parametrize(
    ("arm", "says"),
    [
        ("rewrd", "--arm"),
        ("learned,top=0", "top= is a number of teachers"),
        ("learned,tip=2", "'tip' is no setting"),
        ("single,teacher=west", "the pool has no teacher 'west'"),
        ("single", "teacher"),
    ],
)
def test_an_arm_that_there_is_not(tmp_path: Path, arm: str, says: str) -> None:
    path = written(tmp_path, scores(10))
    ran = CliRunner().invoke(app, ["simulate", str(path), "--arm", arm], catch_exceptions=True)
    assert ran.exit_code != 0
    assert says in f"{ran.output}{ran.exception}"


def test_a_router_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "simulated_routers.py").write_text(
        "from arbitrage.records import Ask, Choice\n"
        "class First:\n"
        "    def __init__(self, setting): self.pool = setting.pool\n"
        "    def decide(self, prompt, answers):\n"
        "        if answers: return Choice((answers[0].teacher, 0), 'first')\n"
        "        return [Ask(self.pool[prompt.language][0])]\n"
    )
    found = run(written(tmp_path, scores(30)), "simulated_routers:First")
    assert found["arms"]["simulated_routers:First"]["generations"] == 1


@pytest.mark.parametrize("content", [b"", b"PAR1", b"{}"])
def test_a_file_that_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "scores.parquet"
    path.write_bytes(content)
    with pytest.raises(Exception, match="Parquet"):
        run(path)


def test_a_file_without_its_columns(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="a row lacks teacher"):
        run(written(tmp_path, [{"prompt_id": "1", "language": "de", "score": 1.0}]))


def test_a_dataset_that_was_built(trial: Trial, tmp_path: Path) -> None:
    assert trial.build().code == 0
    ran = CliRunner().invoke(app, ["simulate", str(trial.dataset), "--arm", "reward", "--json"])
    assert ran.exit_code == 0, ran.output
    found = json.loads(ran.stdout)
    assert found["arms"]["reward"]["own"]["share"]["mean"] in (1.0, None)
    picture = tmp_path / "gain.png"
    ran = CliRunner().invoke(app, ["simulate", str(trial.dataset), "--arm", "random", "--picture", str(picture)])
    assert ran.exit_code == 0
    assert "95 % intervals are clustered by source" in " ".join(ran.output.split())
    assert picture.read_bytes().startswith(b"\x89PNG")
