"""Reward models behind vLLM and TEI, through whole builds: what is sent, what is stored, what fails and how."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import scoring
import tgi
from arbitrage.dataset.reproduce import reproduce
from line.trial import Trial, double, rows, teacher
from scoring import Tei, Vllm

REVISION = "c" * 40


def trial(folder: Path, handle: tgi.Handle, rewards: dict[str, Any], **more: Any) -> Trial:
    made = Trial(
        folder,
        {"a": teacher("a", handle.url)},
        rows(4),
        arms={"single": {"router": "single", "teacher": "a"}},
        more={"rewards": rewards, "route_by": next(iter(rewards)), **more},
    )
    made.write()
    return made


@pytest.fixture
def a() -> Any:
    with tgi.serve(double("a")) as handle:
        yield handle


def scores(made: Trial, name: str = "r") -> dict[str, float | None]:
    """Return the published scores of a reward by the completion."""
    found = {}
    for row in made.pool():
        (score,) = [entry["score"] for entry in row["rewards"] if entry["model"] == name]
        found[row["completion"]] = score
    return found


def manifest(made: Trial) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((made.dataset / "manifest.json").read_text())
    return found


def expected(made: Trial, score: Any) -> dict[str, float]:
    return {row["completion"]: score(row) for row in made.pool()}


def test_vllm_gives_raw_output(tmp_path: Path, a: tgi.Handle) -> None:
    with scoring.serve(Vllm("org/reward")) as server:
        made = trial(tmp_path, a, {"r": {"endpoint": server.url, "api": "vllm", "model": "org/reward"}})
        assert made.build().code == 0
        assert len(server.log) == 8
        assert all(request.body["use_activation"] is False for request in server.log)

        def score(row: dict[str, Any]) -> float:
            turns = [*row["prompt"], {"role": "assistant", "content": row["completion"]}]
            return Vllm.score(Vllm.text(turns))

        assert scores(made) == expected(made, score)
        facts = manifest(made)["scoring"]["r"]
        assert facts["how"] == "vLLM, the model's chat template, raw output (/pooling)"
        assert (facts["scored"], facts["revision"]) == (8, "unverified")
        recipe = (made.dataset / "recipe.yaml").read_text()
        assert "${REWARD_URL_r}" in recipe
        assert server.url not in recipe

        assert made.build().code == 0
        assert len(server.log) == 8, "what is stored is not asked again"
        assert reproduce(made.dataset).same


def test_where_there_is_only_classify_scores_are_probabilities_under_another_identity(
    tmp_path: Path, a: tgi.Handle
) -> None:
    with scoring.serve(Vllm("org/reward", pooling=False)) as server:
        made = trial(tmp_path, a, {"r": {"endpoint": server.url, "api": "vllm", "model": "org/reward"}})
        assert made.build().code == 0
        assert {request.route for request in server.log} == {"/classify"}
        assert all(0 < score < 1 for score in scores(made).values() if score is not None)
        assert manifest(made)["scoring"]["r"]["how"].endswith("probabilities (/classify)")
        server.pooling = True
        assert made.build().code == 0
        assert [request.route for request in server.log[8:]] == ["/pooling"] * 8


def test_tei_is_sent_a_pair_or_the_recipes_template(tmp_path: Path, a: tgi.Handle) -> None:
    with scoring.serve(Tei("org/reward")) as server:
        pair = {"endpoint": server.url, "api": "tei", "model": "org/reward"}
        made = trial(tmp_path, a, {"r": pair, "t": {**pair, "template": "<q>{prompt}<a>{completion}</a>"}})
        assert made.build().code == 0
        assert all(request.body["raw_scores"] and request.body["truncate"] is False for request in server.log)
        assert scores(made) == expected(
            made, lambda row: Tei.score(row["prompt"][0]["content"] + "\n<sep>\n" + row["completion"])
        )
        assert scores(made, "t") == expected(
            made, lambda row: Tei.score(f"<q>{row['prompt'][0]['content']}<a>{row['completion']}</a>")
        )
        assert manifest(made)["scoring"]["r"]["revision"] == REVISION


@pytest.mark.parametrize("api", ["vllm", "tei"])
def test_what_is_too_long_has_no_score_and_is_not_asked_again(tmp_path: Path, a: tgi.Handle, api: str) -> None:
    kind = Vllm if api == "vllm" else Tei
    with scoring.serve(kind("org/reward", longest=3)) as server:
        made = trial(tmp_path, a, {"r": {"endpoint": server.url, "api": api, "model": "org/reward"}})
        assert made.build().code == 0
        assert set(scores(made).values()) == {None}
        assert manifest(made)["scoring"]["r"]["unscored"] == {"too_long": 8}
        server.longest = 10_000
        assert made.build().code == 0
        assert server.log == []


def test_failures_are_tried_again_and_several_endpoints_share_the_work(tmp_path: Path, a: tgi.Handle) -> None:
    one, two = Vllm("org/reward", delay=0.01), Vllm("org/reward", delay=0.01)
    with scoring.serve(one, two):
        one.next.extend([500, 503, '{"data": []}', '{"data": [{"data": ["high"]}]}'])
        two.next.extend([429, 500])
        rewards = {"r": {"endpoint": [one.url, two.url + "/v1"], "api": "vllm", "model": "org/reward"}}
        made = trial(tmp_path, a, rewards)
        assert made.build().code == 0
        assert None not in scores(made).values()
        assert one.log
        assert two.log
        assert len(one.log) + len(two.log) == 8 + 6


def test_a_limit_on_requests_at_once_is_found(tmp_path: Path, a: tgi.Handle) -> None:
    with scoring.serve(Tei("org/reward", most=3, delay=0.01)) as server:
        made = trial(tmp_path, a, {"r": {"endpoint": server.url, "api": "tei", "model": "org/reward"}})
        made.prompts = rows(60)
        assert made.build().code == 0
        refused = [request for request in server.log if request.status == 429]
        assert len(server.log) - len(refused) == 120
        assert len(refused) < 2 * 120


def test_scores_that_could_not_be_had_are_missing_and_asked_by_the_next_build(tmp_path: Path, a: tgi.Handle) -> None:
    with scoring.serve(Vllm("org/reward")) as server:
        rewards = {"r": {"endpoint": server.url, "api": "vllm", "model": "org/reward"}}
        server.next.extend([500] * 400)
        fresh = trial(tmp_path, a, rewards)
        second = fresh.build()
        assert second.code == 1
        assert "fell short: reward r: 8 answers have no score (server): HTTP 500: as demanded" in second.out
        assert fresh.query("SELECT count(*) FROM score") == [(0,)]
        assert set(scores(fresh).values()) == {None}
        server.next.clear()
        third = fresh.build()
        assert third.code == 0
        assert None not in scores(fresh).values()


def test_nobody_there(tmp_path: Path, a: tgi.Handle) -> None:
    made = trial(
        tmp_path, a, {"r": {"endpoint": "http://127.0.0.1:9", "api": "vllm", "model": "org/reward"}}, patience="1s"
    )
    ran = made.build()
    assert ran.code == 1
    assert "reward r: 8 answers have no score (connection): cannot connect" in ran.out
    assert made.query("SELECT count(*) FROM completion") == [(8,)]


def test_a_server_that_never_has_room_is_given_up_after_patience(tmp_path: Path, a: tgi.Handle) -> None:
    with scoring.serve(Tei("org/reward")) as server:
        server.next.extend([429] * 100_000)
        rewards = {"r": {"endpoint": server.url, "api": "tei", "model": "org/reward"}}
        ran = trial(tmp_path, a, rewards, patience="1s").run("build")
        assert ran.code == 1
        assert "reward r: 8 answers have no score (overloaded)" in ran.out


@pytest.mark.parametrize(
    ("server", "settings", "said"),
    [
        (Vllm("org/other"), {"api": "vllm"}, "serves 'org/other', not 'org/reward'; if that is the same model"),
        (Tei("org/other"), {"api": "tei"}, "serves 'org/other', not 'org/reward'"),
        (Tei("org/reward", labels=("good", "bad")), {"api": "tei"}, "which has not one output"),
        (Tei("org/reward"), {"api": "tei", "revision": "d" * 40}, "the recipe says 'dddd"),
        (Vllm("org/reward"), {"api": "tei"}, "the server has no such route"),
        (Tei("org/reward"), {"api": "vllm"}, "has neither"),
        (Vllm("org/reward", key="k" * 9), {"api": "vllm"}, "the server does not accept the token"),
    ],
)
def test_who_it_is_not(
    tmp_path: Path, a: tgi.Handle, server: scoring.Double, settings: dict[str, str], said: str
) -> None:
    with scoring.serve(server):
        made = trial(tmp_path, a, {"r": {"endpoint": server.url, "model": "org/reward", **settings}})
        ran = made.run("build")
        assert ran.code == 2
        assert said in ran.err
        assert "rewards.r" in ran.err
        assert made.query("SELECT count(*) FROM completion") == [(0,)], "before anything is paid"


def test_a_server_that_no_longer_says_its_revision_scores_nothing_under_it(tmp_path: Path, a: tgi.Handle) -> None:
    with scoring.serve(Tei("org/reward")) as server:
        made = trial(tmp_path, a, {"r": {"endpoint": server.url, "api": "tei", "model": "org/reward"}}, patience="1s")
        assert made.run("build").code == 0
        asked, server.sha = len(server.log), None
        made.prompts = rows(5)
        ran = made.build()
        assert ran.code == 1
        assert "reward r: 2 answers have no score (server): does not say its revision, which was 'cccc" in ran.out
        assert len(server.log) == asked, "nothing is paid twice"
        made.more["rewards"]["r"]["revision"] = "c" * 40
        assert made.build().code == 0
        assert len(server.log) == asked + 2


def test_a_token_is_sent_and_written_nowhere(tmp_path: Path, a: tgi.Handle) -> None:
    with scoring.serve(Vllm("org/served", key="hf_secretsecret")) as server:
        reward = {"endpoint": "${R_URL}", "api": "vllm", "model": "org/reward", "served_as": "org/served"}
        made = trial(tmp_path, a, {"r": {**reward, "token": "${R_TOKEN}"}})
        made.environ = {"R_URL": server.url, "R_TOKEN": "hf_secretsecret"}
        ran = made.build()
        assert ran.code == 0
        assert len(server.log) == 8
        made.assert_nowhere("hf_secretsecret", ran)


def test_a_mean_of_two(tmp_path: Path, a: tgi.Handle) -> None:
    with tgi.serve(double("b")) as b, scoring.serve(Vllm("org/one"), Tei("org/two")) as (one, two):
        rewards = {
            "both": {"mean_of": ["one", "two"]},
            "one": {"endpoint": one.url, "api": "vllm", "model": "org/one"},
            "two": {"endpoint": two.url, "api": "tei", "model": "org/two"},
        }
        made = trial(tmp_path, a, rewards)
        made.teachers["b"] = teacher("b", b.url)
        made.arms = {"reward": {"router": "reward"}, "random": {"router": "random"}}
        assert made.build().code == 0
        by_prompt: dict[str, list[dict[str, Any]]] = {}
        for row in made.pool():
            found = {entry["model"]: entry["score"] for entry in row["rewards"]}
            assert list(found) == ["both", "one", "two"]
            assert row["reward"] == found["both"]
            by_prompt.setdefault(row["prompt_id"], []).append(found)
        for first, second in by_prompt.values():
            signs = [math.copysign(1, first[name] - second[name]) for name in ("one", "two")]
            assert first["both"] == pytest.approx(sum(signs) / 2)
            assert second["both"] == pytest.approx(-first["both"])


def test_the_requests_of_a_chat_with_turns(tmp_path: Path, a: tgi.Handle) -> None:
    turns = [
        {"role": "system", "content": "Sei kurz."},
        {"role": "user", "content": "Eins?"},
        {"role": "assistant", "content": "Ja."},
        {"role": "user", "content": "Zwei?"},
    ]
    with scoring.serve(Vllm("org/one"), Tei("org/two")) as (one, two):
        rewards = {
            "one": {"endpoint": one.url, "api": "vllm", "model": "org/one"},
            "two": {"endpoint": two.url, "api": "tei", "model": "org/two"},
        }
        made = trial(tmp_path, a, rewards)
        made.columns = {"messages": "messages", "language": "language", "source_id": "id"}
        made.prompts = [{"id": "s", "language": "de", "messages": turns}]
        assert made.build().code == 0
        (sent,) = [request.body["messages"] for request in one.log]
        assert sent[:4] == turns
        assert [turn["role"] for turn in sent] == ["system", "user", "assistant", "user", "assistant"]
        (pair,) = [request.body["inputs"] for request in two.log]
        assert pair[0] == "system: Sei kurz.\n\nuser: Eins?\n\nassistant: Ja.\n\nuser: Zwei?"
        assert json.dumps(pair)
