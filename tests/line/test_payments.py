"""Whoever is paid beside the teachers: translators, judges and served rewards, to the token and within `max_usd`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import scoring
import tgi
from line.trial import Ran, Trial, contents, double, rows, teacher
from scoring import Tei, Vllm
from tgi.translation import translator

A_TOKEN = {"input": 1e6, "output": 1e6}
"""USD per million tokens: a dollar a token."""


@pytest.fixture
def a() -> Iterator[tgi.Handle]:
    with tgi.serve(double("a")) as handle:
        yield handle


def _trial(folder: Path, a: tgi.Handle, reward: dict[str, Any], **more: Any) -> Trial:
    return Trial(
        folder,
        {"a": teacher("a", a.url)},
        rows(20),
        arms={"single": {"router": "single", "teacher": "a"}},
        more={"rewards": {"r": reward}, **more},
    )


def _manifest(trial: Trial) -> Any:
    return json.loads((trial.dataset / "manifest.json").read_text())


def _card(trial: Trial) -> str:
    return (trial.dataset / "README.md").read_text()


def _stopped(ran: Ran) -> None:
    assert ran.code == 1
    assert "max_usd is" in ran.out + ran.err and "raise max_usd:" in ran.out + ran.err


@pytest.mark.parametrize("kind", [Vllm, Tei])
def test_a_served_reward_is_paid_within_max_usd_and_never_twice(
    tmp_path: Path, a: tgi.Handle, kind: type[scoring.Double]
) -> None:
    with scoring.serve(kind("org/reward")) as server:
        reward = {"endpoint": server.url, "api": kind.__name__.lower(), "model": "org/reward", "price": A_TOKEN}
        trial = _trial(tmp_path, a, reward, max_usd=700)
        ran = trial.build()
        _stopped(ran)
        assert "answers have no score (budget)" in ran.out and "one ask more of reward r could pass it" in ran.out
        words = sum(len(request.text.split()) for request in server.log)
        # What the ceiling of a request held was given back, and what is left could not pay for one more.
        assert 0 < len(server.log) < 40 and 200 < words <= 700
        state = trial.status()
        assert state["rewards"]["r"]["prompt_tokens"] == state["spent_usd"] == words
        trial.more["max_usd"] = 1e5
        assert trial.build().code == 0
        assert len(server.log) == len({request.text for request in server.log}) == 40
        words = sum(len(request.text.split()) for request in server.log)
        assert _manifest(trial)["scoring"]["r"]["paid"] == {
            "answers": 40,
            "tokens_counted": 40,
            "prompt_tokens": words,
            "completion_tokens": 0,
            "usd": float(words),
        }
        assert f"| reward r | 40 | 40 | {words:,} | 0 | {words:.2f} |" in _card(trial)
        whole = contents(trial.dataset)
        del trial.more["max_usd"]
        assert trial.build().code == 0 and contents(trial.dataset) == whole
        assert trial.reproduce().code == 0


def test_tokens_that_nobody_counted_are_unknown_and_held_at_their_most(tmp_path: Path, a: tgi.Handle) -> None:
    with scoring.serve(Vllm("org/reward", counts=False)) as server:
        reward = {"endpoint": server.url, "api": "vllm", "model": "org/reward", "price": A_TOKEN}
        trial = _trial(tmp_path, a, reward, max_usd=2000)
        _stopped(trial.build())
        first = len(server.log)
        assert 0 < first < 20
        state = trial.status()
        # The ceilings stay spent.
        assert 1500 < state["spent_usd"] <= 2000
        assert state["rewards"]["r"] == {
            "answers": first,
            "prompt_tokens": None,
            "completion_tokens": None,
            "answers_without_token_counts": first,
            "spend_usd": None,
        }
        assert f"reward r: the server did not count the tokens of {first} answers" in trial.run("status").out
        _stopped(trial.build())
        assert len(server.log) == first
        del trial.more["max_usd"]
        assert trial.build().code == 0
        paid = _manifest(trial)["scoring"]["r"]["paid"]
        assert paid == {**dict.fromkeys(paid), "answers": 40, "tokens_counted": 0}
        assert "| reward r | 40 | 0 | – | – | – |" in _card(trial)


def test_a_judge_is_paid_by_what_it_reads_and_writes(tmp_path: Path, a: tgi.Handle) -> None:
    with tgi.serve(double("judge", answers=lambda _: "Good.\nSCORE: 7")) as judge:
        block = {"endpoint": judge.url, "api": "tgi", "model": "org/judge", "price": A_TOKEN, "max_tokens": 64}
        trial = _trial(tmp_path, a, {"judge": block}, max_usd=10_000)
        trial.write()
        ahead = trial.run("check", "--json").json["rewards"]["r"]
        assert (ahead["requests"], ahead["output_tokens_at_most"]) == (40, 40 * 64)
        _stopped(trial.build())
        first = len(judge.log)
        assert 0 < first < 40
        counted = trial.query("SELECT count(*), sum(prompt_tokens), sum(completion_tokens) FROM score")[0]
        assert counted[0] == first
        assert trial.status()["spent_usd"] == counted[1] + counted[2] <= 10_000
        said = trial.run("check")
        assert f"reward r org/judge {40 - first} " in " ".join(said.out.split())
        assert "the build may stop before it is done" in said.out
        trial.more["max_usd"] = 1e7
        assert trial.build().code == 0
        assert len(judge.log) == 40
        paid = _manifest(trial)["scoring"]["r"]["paid"]
        assert ahead["input_tokens_at_most"] >= paid["prompt_tokens"] and paid["tokens_counted"] == 40
        assert paid["usd"] == paid["prompt_tokens"] + paid["completion_tokens"]


def test_two_rewards_by_one_judge_are_each_shown_their_own_spend(tmp_path: Path, a: tgi.Handle) -> None:
    with tgi.serve(double("judge", answers=lambda _: "SCORE: 7")) as judge:
        block = {"endpoint": judge.url, "api": "tgi", "model": "org/judge", "price": A_TOKEN}
        trial = _trial(tmp_path, a, {"judge": block}, route_by="r")
        trial.more["rewards"]["s"] = {"judge": {**block, "scale": [1, 7]}}
        trial.write()
        assert trial.run("build", "--until", "prompts").code == 0
        assert [one["answers"] for one in trial.status()["rewards"].values()] == [0, 0]
        assert trial.build().code == 0
        state = trial.status()
        assert [one["answers"] for one in state["rewards"].values()] == [40, 40]
        assert sum(one["spend_usd"] for one in state["rewards"].values()) == state["spent_usd"]


def test_a_judge_paid_by_the_hour(tmp_path: Path, a: tgi.Handle) -> None:
    with tgi.serve(double("judge", answers=lambda _: "SCORE: 7", latency=0.2)) as judge:
        block = {"endpoint": judge.url, "api": "tgi", "model": "org/judge", "price": {"hour": 3600}}
        trial = _trial(tmp_path, a, {"judge": {**block, "deadline": "2s", "concurrency": 1}}, max_usd=3)
        _stopped(trial.build())
        # A second is a dollar: what is in flight could take two, so asking stops when one is over.
        assert 2 <= len(judge.log) <= 8
        assert 0 < trial.status()["rewards"]["r"]["spend_usd"] < 3
        before = len(judge.log)
        trial.more["max_usd"] = 1
        _stopped(trial.build())
        assert len(judge.log) == before


def test_scores_of_a_reward_that_the_recipe_lost_stay_spent(tmp_path: Path, a: tgi.Handle) -> None:
    with scoring.serve(Vllm("org/reward"), Vllm("org/other")) as (server, other):
        reward = {"endpoint": server.url, "api": "vllm", "model": "org/reward", "price": A_TOKEN}
        trial = _trial(tmp_path, a, reward)
        assert trial.build().code == 0
        before = trial.status()["spent_usd"]
        trial.more |= {"rewards": {"o": {**reward, "endpoint": other.url, "model": "org/other"}}, "max_usd": before}
        _stopped(trial.build())
        assert len(other.log) == 0


def test_a_translator_is_paid_within_max_usd_and_never_twice(tmp_path: Path, a: tgi.Handle) -> None:
    with tgi.serve(double("nmt", answers=translator())) as nmt:
        translate = {
            "model": "org/nmt",
            "endpoint": nmt.url,
            "api": "tgi",
            "to": "all",
            "price": A_TOKEN,
            "max_length": 100,
        }
        trial = Trial(
            tmp_path,
            {"a": teacher("a", a.url)},
            rows(30, ["en"]),
            more={"languages": ["de", "en", "tr"], "translate": translate, "max_usd": 2000},
        )
        trial.write()
        ahead = trial.run("check", "--json").json["translation"]
        assert ahead["requests"] == 60
        assert ahead["usd_at_most"] == ahead["input_tokens_at_most"] + ahead["output_tokens_at_most"]
        assert "the translator org/nmt 60 " in " ".join(trial.run("check").out.split())
        ran = trial.build()
        _stopped(ran)
        assert "arbitrage: translate: max_usd is 2000" in ran.err and "what is translated is stored" in ran.err
        first = len(nmt.log)
        assert 0 < first < 60 and not a.log
        counted = trial.query("SELECT sum(prompt_tokens), sum(completion_tokens) FROM reply")[0]
        state = trial.status()
        assert state["spent_usd"] == state["translator"]["spend_usd"] == sum(counted) <= 2000
        assert trial.run("check", "--json").json["translation"]["requests"] == 60 - first
        trial.more["max_usd"] = 1e9
        assert trial.build().code == 0
        assert len(nmt.log) == len({request.key for request in nmt.log}) == 60
        paid = _manifest(trial)["translation"]["paid"]
        assert paid["answers"] == paid["tokens_counted"] == 60
        assert paid["prompt_tokens"] < ahead["input_tokens_at_most"]
        assert paid["usd"] == paid["prompt_tokens"] + paid["completion_tokens"] == trial.status()["spent_usd"]
        assert "| the translator | 60 | 60 |" in _card(trial)


@pytest.mark.parametrize(
    ("reward", "said"),
    [
        ({"endpoint": "http://h", "api": "vllm", "model": "m", "max_length": 9}, "the server's own limit holds"),
        ({"judge": {"endpoint": "http://h", "model": "m"}, "price": A_TOKEN}, "put it inside judge: {...}"),
    ],
)
def test_a_key_in_the_wrong_place_is_told_its_place(
    tmp_path: Path, a: tgi.Handle, reward: dict[str, Any], said: str
) -> None:
    ran = _trial(tmp_path, a, reward).build()
    assert ran.code == 2 and said in ran.err


def test_a_price_is_for_who_is_asked_over_the_wire(tmp_path: Path, a: tgi.Handle) -> None:
    trial = _trial(tmp_path, a, {"python": "chrf", "price": A_TOKEN})
    ran = trial.build()
    assert ran.code == 2 and "price: goes with endpoint:, not with python:" in ran.err
    trial.more |= {"rewards": {}, "translate": {"model": "org/nmt", "price": A_TOKEN}, "languages": ["de", "en", "tr"]}
    ran = trial.build()
    assert ran.code == 2 and "price: is for a model that is served" in ran.err
