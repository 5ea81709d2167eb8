"""Results of an evaluation on their way: into a dataset's card and a model's, and done again by whoever reads them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tgi
import yaml
from arbitrage.errors import RecipeError
from arbitrage.results import read_results
from arbitrage_eval.again import compare, refuse_foreign
from commands import arbitrage
from huggingface_hub import HfApi, ModelCard
from line.trial import double, teacher
from publish.site import Site

HOSTILE = "</details><script>alert(1)</script> | [x](javascript:y)"


def first(question: tgi.Question) -> str:
    """A judge that finds the answers of model a better, but to a third of the questions."""
    shown = question.prompt.split(" FIRST ANSWER\n")[1].split(" SECOND ANSWER")[0]
    asked = int(re.findall(r"\d+", question.prompt.split(" CONVERSATION\n")[1])[0])
    return f"VERDICT: {'FIRST' if ('org/a' in shown) == (asked % 3 > 0) else 'SECOND'}"


def otherwise(question: tgi.Question) -> str:
    """A judge that finds the answers of model b better."""
    shown = question.prompt.split(" FIRST ANSWER\n")[1].split(" SECOND ANSWER")[0]
    return f"VERDICT: {'SECOND' if 'org/a' in shown else 'FIRST'}"


@pytest.fixture
def judge() -> Iterator[tgi.Handle]:
    with tgi.serve(double("judge", answers=first)) as handle:
        yield handle


def evaluated(site: Site, judge: tgi.Handle) -> Path:
    """Evaluate the teachers of the site's dataset, and have its recipe name the results."""
    suite = {
        "name": "mini",
        "answers": "runs/trial/dataset",
        "split": "train",
        "baseline": "b",
        "judges": {"judge": teacher("judge", judge.url, token="${JUDGE_TOKEN}")},
        "measures": ["length"],
        "patience": "2s",
    }
    path = site.trial.folder / "suite.yaml"
    path.write_text(json.dumps(suite), encoding="utf-8")
    ran = arbitrage("eval", path, folder=site.trial.folder, environ={"JUDGE_TOKEN": "hf_secretsecret"})
    assert ran.returncode == 0, ran.stderr
    site.trial.more["publish"] = {"repo_id": "org/data", "results": ["evals/mini"]}
    site.trial.write()
    return site.trial.folder / "evals/mini/results.json"


def test_results_are_a_patch_of_the_card_and_whoever_reads_them_can_do_them_again(
    site: Site, judge: tgi.Handle, tmp_path: Path
) -> None:
    site.publish()
    results = evaluated(site, judge)
    assert "org/data@v1.0.1" in site.publish().out
    site.publish()
    site.assert_published("v1.0.0", "v1.0.1")
    published = site.tagged("v1.0.1")
    card = published["README.md"].decode()
    assert "## Results" in card and "### Suite mini" in card and "Win rates in points of 100" in card
    assert json.loads(published["results/mini.json"]) == json.loads(results.read_text(encoding="utf-8"))
    said = b"".join(published.values())
    assert b"hf_secret" not in said and judge.url.encode() not in said
    assert arbitrage("reproduce", site.trial.dataset, folder=tmp_path).returncode == 0
    # A reader has the repository's name and a judge of their own.
    reader = tmp_path / "reader"
    reader.mkdir()
    environ = {**site.environ, "JUDGE_URL_judge": judge.url}
    lacks = arbitrage("reproduce", "org/data@v1.0.1", "--results", folder=reader, environ=environ)
    assert lacks.returncode == 2 and "variable JUDGE_TOKEN_judge is not set" in lacks.stderr, lacks.stderr
    environ["JUDGE_TOKEN_judge"] = "hf_other"
    asked = len(judge.log)
    again = arbitrage("reproduce", "org/data@v1.0.1", "--results", folder=reader, environ=environ)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "figures lie within their stated intervals" in again.stdout and len(judge.log) == 2 * asked
    with tgi.serve(double("judge", answers=otherwise)) as other:
        environ["JUDGE_URL_judge"] = other.url
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        wrong = arbitrage("reproduce", "org/data@v1.0.1", "--results", folder=elsewhere, environ=environ)
    assert wrong.returncode == 1 and "outside: win_rates." in wrong.stdout, wrong.stdout + wrong.stderr
    # Without results again, they are gone from the next version.
    site.trial.more["publish"] = {"repo_id": "org/data"}
    site.trial.write()
    site.publish()
    assert "results/mini.json" not in site.tagged("v1.0.2")


def test_a_models_card_takes_what_was_found_of_it_and_keeps_the_rest(
    site: Site, judge: tgi.Handle, tmp_path: Path
) -> None:
    results = evaluated(site, judge)
    model = tmp_path / "student"
    model.mkdir()
    (model / "README.md").write_text("---\nbase_model: org/base\n---\n\n# A student\n\nBy hand.\n", encoding="utf-8")
    for _ in range(2):
        ran = arbitrage("report", results.parent, "--model", "a", "--card", model, folder=tmp_path)
        assert ran.returncode == 0, ran.stderr
    text = (model / "README.md").read_text(encoding="utf-8")
    assert text.count("## Results") == 1 and "By hand." in text and "base_model: org/base" in text
    head = yaml.safe_load(text.split("---")[1])
    (entry,) = head["model-index"]
    metrics = {one["type"]: one["value"] for result in entry["results"] for one in result["metrics"]}
    found = json.loads(results.read_text(encoding="utf-8"))["win_rates"]["pairs"][0]["mean"]["macro"]
    assert metrics["win rate against b"] == pytest.approx(found["raw"]["value"], abs=1e-4)
    HfApi(endpoint=site.server.url, token=site.server.token).create_repo("org/student")
    card = ModelCard("---\nlicense: mit\n---\n\n# On the Hub\n")
    HfApi(endpoint=site.server.url, token=site.server.token).upload_file(
        path_or_fileobj=str(card).encode(), path_in_repo="README.md", repo_id="org/student"
    )
    ran = arbitrage("report", results, "--model", "a", "--card", "org/student", folder=tmp_path, environ=site.environ)
    assert ran.returncode == 0 and "org/student at commit " in ran.stdout, ran.stderr
    there = site.server.repo("org/student", "model").read("main", "README.md").decode()
    assert "license: mit" in there and "### Suite mini" in there


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read: No such file or directory; `arbitrage eval` writes it"),
        ("[", "is nothing that this version of `arbitrage eval` writes"),
        ("{}", "is nothing that this version of `arbitrage eval` writes"),
        ('{"suite": {"name": "../up"}, "shortfalls": []}', "is nothing that this version"),
        ('{"suite": {"name": "x"}, "win_rates": {"pairs": 3}}', "is nothing that this version"),
    ],
)
def test_what_is_no_result_is_one_message(content: str | None, says: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "results.json").write_text(content)
    ran = arbitrage("report", tmp_path / "results.json", folder=tmp_path)
    assert ran.returncode == 2 and says in ran.stderr and "Traceback" not in ran.stderr, ran.stderr


def test_foreign_results_are_shown_and_never_obeyed(tmp_path: Path) -> None:
    ends = {"value": 1.0, "low": 0.5, "high": 1.5, "lacking": None}
    rewards = {HOSTILE: {HOSTILE: {"macro": ends, "languages": {}}}}
    found: dict[str, Any] = {"suite": {"name": "x"}, "rewards": rewards, "shortfalls": [{"message": HOSTILE}]}
    (tmp_path / "results.json").write_text(json.dumps(found), encoding="utf-8")
    from arbitrage_cards import results_section

    section = results_section([read_results(tmp_path)])
    assert "<script>" not in section and "](javascript" not in section


def test_a_figure_outside_its_interval_is_named() -> None:
    def results(value: float | None, low: float | None = 40.0) -> dict[str, Any]:
        rate = {"value": value, "low": low, "high": None if low is None else 60.0, "lacking": None}
        return {"suite": {"name": "x"}, "win_rates": {"pairs": [{"model": "a", "baseline": "b", "raw": rate}]}}

    assert compare(results(50.0), results(59.0)).outside == []
    assert compare(results(100.0, None), results(100.0)).outside == []
    assert compare(results(100.0, None), results(10.0)).outside == [
        "win_rates.pairs.a against b.raw: stated 100, it is 10 now"
    ]
    (outside,) = compare(results(50.0), results(61.0)).outside
    assert outside == "win_rates.pairs.a against b.raw: stated 50 (40 to 60), it is 61 now"
    (gone,) = compare(results(50.0), {"suite": {"name": "x"}}).outside
    assert gone.endswith("there is none now")


@pytest.mark.parametrize(
    ("block", "says"),
    [
        ({"judges": {"j": {"endpoint": "http://evil.example", "model": "m"}}}, "judges.j.endpoint: these results name"),
        ({"judges": {"j": {"endpoint": ["${JUDGE_URL_j}"], "token": "${HF_TOKEN}"}}}, "judges.j.token: these results"),
        ({"models": {"m": {"model": "${AWS_SECRET_ACCESS_KEY}"}}}, "models.m.model: these results want a variable"),
        ({"rewards": {"r": {"python": "os:system"}}}, "rewards.r.python: these results are of code"),
        ({"tasks": ["tasks/x.yaml"]}, "tasks.0: these results are of a task file"),
        ({"tasks": [{"yaml": "x"}]}, "tasks.0.yaml: these results are of a task file"),
        ({"prompts": [{"path": "../../.ssh"}]}, "prompts.0.path: these results name '../../.ssh', outside"),
        (
            {"models": {"m": {"transformers": "/home/x"}}},
            "models.m.transformers: these results name '/home/x', outside",
        ),
    ],
)
def test_foreign_results_send_nothing_anywhere_and_run_nothing(block: dict[str, Any], says: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(says)):
        refuse_foreign({"name": "x", **block})
    refuse_foreign({"judges": {"j": {"endpoint": "${JUDGE_URL_j}", "token": "${JUDGE_TOKEN_j}"}}})
