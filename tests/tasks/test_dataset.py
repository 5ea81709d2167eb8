"""A dataset's own test split as a task."""

from pathlib import Path
from typing import Any

import pytest
from arbitrage.errors import RecipeError
from arbitrage_eval.tasks.checking import check_tasks
from arbitrage_eval.tasks.examined import Examined
from arbitrage_eval.tasks.preferred import Likely, Pair, shares
from arbitrage_eval.tasks.running import run_tasks
from arbitrage_eval.tasks.task import Task
from line.trial import Trial

MODEL = Examined("tiny", None, pretrained="model")


def test_answers_and_their_likelihoods(made: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    dataset = str(made.dataset.relative_to(made.folder))
    tasks = [
        Task(dataset=dataset, measure="preferred", chat_template=True),
        Task(dataset=dataset, measure="answers", arm="reward", limit=3),
    ]
    check_tasks(tasks, [MODEL], made.folder)
    found = run_tasks(tasks, [MODEL], made.folder, made.folder / "kept", 0, lambda line: None)
    preferred, answers = found["models"]["tiny"].values()

    pairs = sorted(_test_rows(made, "preferences"), key=lambda row: row["prompt_id"])
    truth = [
        (row, *(_likelihood(made.folder / "model", row, which) for which in ("chosen", "rejected"))) for row in pairs
    ]
    assert (preferred["n"], preferred["left_out"], preferred["cut"]) == (len(truth), 0, 0)
    for language, one in preferred["languages"].items():
        mine = [(chosen, rejected) for row, chosen, rejected in truth if row["language"] == language]
        likelier = [chosen[0] / chosen[1] > rejected[0] / rejected[1] for chosen, rejected in mine]
        assert one["chosen_likelier_per_token"]["value"] == pytest.approx(sum(likelier) / len(mine))
        per_token = sum(chosen[0] for chosen, _ in mine) / sum(chosen[1] for chosen, _ in mine)
        assert one["log_likelihood_per_token"]["chosen"]["value"] == pytest.approx(per_token, abs=1e-4)

    assert (answers["n"], answers["left_out"]) == (3, 0)
    assert answers["signatures"]["chrf"].startswith("chrf|nrefs:1|")
    assert sum(one["n"] for one in answers["languages"].values()) == 3


def test_what_a_dataset_lacks_is_said(made: Trial) -> None:
    tasks = [
        Task(dataset=str(made.dataset), measure="answers", arm="random"),
        Task(dataset=str(made.dataset), measure="answers", arm="reward", reference="gold"),
    ]
    with pytest.raises(RecipeError) as caught:
        check_tasks(tasks, [MODEL], made.folder)
    first, second = str(caught.value).split("\n")
    assert "has no test rows in random; it has some in pool, preferences, reward, routes" in first
    assert "there is no column gold: reward has checks, completion, language" in second


def test_pairs_whose_truth_is_known() -> None:
    long, short = Likely(-30.0, 20, 60), Likely(-20.0, 10, 40)
    pairs = [Pair("de", f"s{n}", *((long, short) if n % 4 else (short, long))) for n in range(40)]
    pairs += [Pair("tr", f"s{n}", long, long) for n in range(40)]
    found = shares(pairs)
    # The longer one is likelier token by token, the shorter one in sum; a pair of equals is a half.
    german = found["languages"]["de"]
    assert german["chosen_likelier_per_token"]["value"] == 0.75
    assert german["chosen_likelier_in_sum"]["value"] == 0.25
    assert german["chosen_likelier_per_token"]["low"] < 0.62 < 0.88 < german["chosen_likelier_per_token"]["high"] < 0.9
    assert found["macro"]["chosen_likelier_per_token"]["value"] == pytest.approx((0.75 + 0.5) / 2)
    turkish = found["languages"]["tr"]["log_likelihood_per_byte"]["chosen"]
    assert turkish["value"] == pytest.approx(-0.5)


def _test_rows(made: Trial, table: str) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    found = sorted(made.dataset.glob(f"{table}/*/test-*.parquet"))
    return [row for path in found for row in pq.read_table(path).to_pylist()]


def _likelihood(model: Path, row: dict[str, Any], which: str) -> tuple[float, int]:
    """Return the log-likelihood of an answer and its tokens, by transformers alone."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    prompt = tokenizer.apply_chat_template(row["prompt"], tokenize=False, add_generation_prompt=True)
    before = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    ids = tokenizer(prompt + row[which][0]["content"], add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        logits = AutoModelForCausalLM.from_pretrained(model)(torch.tensor([ids])).logits[0]
    likely = torch.log_softmax(logits.float(), -1)
    places = range(len(before), len(ids))
    return sum(float(likely[place - 1, ids[place]]) for place in places), len(places)
