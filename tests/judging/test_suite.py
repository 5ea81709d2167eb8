"""`arbitrage eval`: a suite judged over HTTP, killed and resumed, and every mistake named."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import tgi
from arbitrage_eval.said import interval
from arbitrage_eval.suite import read_suite
from commands import ROOT, arbitrage
from judging.test_judged import dataset, judge, says
from line.trial import double, teacher

__all__ = ["dataset", "judge"]
SOURCES = os.pathsep.join(str(ROOT / name) for name in ("builder", "dataset_cards", "eval"))
TOKEN = {"JUDGE_TOKEN": "hf_secretsecret", "PYTHONPATH": SOURCES}


def suite(folder: Path, dataset: Path, handle: tgi.Handle, **more: Any) -> Path:
    judges = {"judge": {**teacher("judge", handle.url), "token": "${JUDGE_TOKEN}"}}
    data = {"name": "pool", "answers": str(dataset), "split": "train", "baseline": "poor", "judges": judges}
    data |= {"measures": ["length"], **more}
    path = folder / "suite.yaml"
    path.write_text(json.dumps(data, indent=1))
    return path


def test_a_suite_says_what_its_results_say(dataset: Path, tmp_path: Path, judge: tgi.Handle) -> None:
    path = suite(tmp_path, dataset, judge)
    ran = arbitrage("eval", path, folder=tmp_path, environ=TOKEN)
    assert ran.returncode == 0, ran.stderr
    results = json.loads((tmp_path / "evals/pool/results.json").read_text(encoding="utf-8"))
    rate = results["win_rates"]["pairs"][0]["mean"]["macro"]
    assert (
        interval(rate["raw"]) in ran.stdout
        and interval(results["win_rates"]["judges"]["judge"]["first_chosen"]) in ran.stdout
    )
    assert f"{rate['used']} of {rate['prompts']}" in ran.stdout
    assert results["answers"]["name"] == dataset.name and len(results["answers"]["manifest"]) == 64
    asked = len(judge.log)
    again = arbitrage("eval", path, "--json", folder=tmp_path, environ=TOKEN)
    assert json.loads(again.stdout) == results and len(judge.log) == asked
    kept = b"".join(file.read_bytes() for file in (tmp_path / "evals").rglob("*") if file.is_file())
    assert b"hf_secret" not in kept and str(tmp_path).encode() not in json.dumps(results).encode()


def test_killed_in_the_middle_it_asks_for_nothing_that_it_has(dataset: Path, tmp_path: Path) -> None:
    with tgi.serve(double("judge", answers=says, latency=0.02)) as handle:
        path = suite(tmp_path, dataset, handle, judges={"judge": {**teacher("judge", handle.url), "concurrency": 2}})
        command = [sys.executable, "-m", "arbitrage", "eval", str(path)]
        process = subprocess.Popen(
            command, cwd=tmp_path, env={**os.environ, **TOKEN}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        while len(handle.log) < 40:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        ran = arbitrage("eval", path, "--json", folder=tmp_path, environ=TOKEN)
        assert ran.returncode == 0, ran.stderr
        asked = [request.key for request in handle.log]
        verdicts = json.loads(ran.stdout)["win_rates"]["judges"]["judge"]["verdicts"]
    assert len(set(asked)) == verdicts, "all were asked"
    # What was in flight, or waited to be written, is asked again.
    assert len(asked) - verdicts <= 2 + 64


WRONG = [
    ({"baselin": "poor"}, "suite.yaml:", "baselin: unknown key; did you mean 'baseline'?"),
    ({"baseline": "nobody"}, "", "baseline: there is no nobody: there are good, poor"),
    ({"teachers": ["good", "god"]}, "", "has no teacher god: it has good, poor"),
    ({"arms": ["random"]}, "", "has no arm random: it has reward"),
    ({"languages": ["de", "fr"]}, "", "has no language fr: it has de, tr"),
    (
        {"judges": {"judge": {"endpoint": "http://127.0.0.1:9", "token": "hf_secretsecret"}}},
        "suite.yaml:",
        "judge.token: ",
    ),
    ({"answers": "nowhere"}, "", "'nowhere' is neither a folder here nor a dataset on the Hub"),
    ({"rubric": "none.md"}, "", "none.md: cannot be read"),
    ({"judges": {"judge": {"endpoint": "http://127.0.0.1:9", "api": "tgi", "modl": "x"}}}, "suite.yaml:", "modl"),
    ({"measures": ["mtdl"]}, "suite.yaml:", "there is no measure 'mtdl'; did you mean 'mtld'?"),
    ({"prompts": [{"path": "p.jsonl", "language": "de"}]}, "suite.yaml:", "prompts: needs models:"),
    (
        {"models": {"good": {"endpoint": "http://127.0.0.1:9", "api": "tgi", "model": "x"}}},
        "",
        "models: good: a teacher of",
    ),
]


@pytest.mark.parametrize(("more", "where", "what"), WRONG, ids=lambda value: str(value)[:24])
def test_a_mistake_is_one_message(
    more: dict[str, Any], where: str, what: str, dataset: Path, tmp_path: Path, judge: tgi.Handle
) -> None:
    ran = arbitrage("eval", suite(tmp_path, dataset, judge, **more), folder=tmp_path, environ=TOKEN)
    assert ran.returncode == 2, ran
    assert where in ran.stderr and what in ran.stderr and "Traceback" not in ran.stderr, ran.stderr
    assert not judge.log and "hf_secret" not in ran.stderr
    kept = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file() and file.name != "suite.yaml"]
    assert not any(b"hf_secret" in content for content in kept)


def test_a_judge_that_is_down_is_said_and_ends_with_1(dataset: Path, tmp_path: Path, judge: tgi.Handle) -> None:
    with tgi.serve(double("judge", answers=lambda question: None)) as handle:
        ran = arbitrage("eval", suite(tmp_path, dataset, handle, patience="1s"), folder=tmp_path, environ=TOKEN)
    assert ran.returncode == 1, ran
    assert "fell short: " in ran.stdout and "120 of them not given or not readable" in ran.stdout


def test_the_suite_of_the_docs_is_one(tmp_path: Path) -> None:
    page = (ROOT / "docs/evaluation.md").read_text(encoding="utf-8")
    path = tmp_path / "suite.yaml"
    first, second = (block.split("```")[0] for block in page.split("```yaml\n")[1:])
    path.write_text(first + second, encoding="utf-8")
    read = read_suite(path, {"JUDGE_TOKEN": "hf_x"})
    assert len(read.tasks) == 5 and len(read.retrieval) == 1
    assert list(read.models) == ["base", "student"] and read.judges["judge"].token == "hf_x"
