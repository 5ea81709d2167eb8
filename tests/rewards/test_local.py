"""Scoring in this process: the same scores as one text after the other, whatever the padding; long texts; refusals."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest
from arbitrage.errors import RewardError
from arbitrage.recipe.reward import Reward
from arbitrage.records import Message, Prompt
from arbitrage.rewards.batches import batches
from arbitrage.rewards.local import LocalReward
from arbitrage.rewards.scored import PROMPT_CUT, TOO_LONG, Scored
from rewards.tiny_model import LONGEST, WORDS, write_reward_model

Pair = tuple[Prompt, str]


def prompt(*texts: str) -> Prompt:
    roles = ["user", "assistant"] * len(texts)
    return Prompt("p", "de", "s", "train", [Message(role=r, content=t) for r, t in zip(roles, texts, strict=False)])


def pairs(count: int, longest: int = 60) -> list[Pair]:
    """Return texts of very different lengths, some of several turns, some in other scripts."""
    random = Random(4)
    found: list[Pair] = []
    for n in range(count):
        words = random.choices([*WORDS, "你好", "سؤال", "\n"], k=random.choice((1, 3, longest // 4, longest)))
        turns = ["Frage", "ja", "und?"] if n % 5 == 0 else [f"Frage {n}"]
        found.append((prompt(*turns), " ".join(words)))
    return found


def local(folder: Path, **settings: Any) -> LocalReward:
    reward = LocalReward("r", Reward.model_validate({"local": True, "model": folder.name, **settings}), folder.parent)
    reward.identify()
    return reward


def one_by_one(folder: Path, batch: Sequence[Pair]) -> list[float]:
    """Score as a model's own page shows it: one conversation after the other, nothing padded."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    scores = []
    for one, text in batch:
        turns = [*one.messages, {"role": "assistant", "content": text}]
        tokens = tokenizer.apply_chat_template(turns, tokenize=True, return_dict=True, return_tensors="pt")
        with torch.inference_mode():
            scores.append(float(model(**tokens).logits[0, 0]))
    return scores


@pytest.mark.parametrize(
    ("pad", "side"), [(None, "right"), ("<|pad|>", "right"), ("<|pad|>", "left"), ("<|eos|>", "left")]
)
def test_scores_are_those_of_one_text_after_the_other(tmp_path: Path, pad: str | None, side: str) -> None:
    """Also where there is no padding token, or where it is the one that ends every turn."""
    folder = write_reward_model(tmp_path / "model", pad=pad, side=side)
    batch = pairs(90)
    found = [score.value for score in local(folder).score(batch)]
    assert found == pytest.approx(one_by_one(folder, batch), abs=1e-4)
    assert max(map(abs, found)) > 0.1  # type: ignore[arg-type]


def test_a_bidirectional_model_sees_no_padding(tmp_path: Path, tiny: Path) -> None:
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    folder = tmp_path / "bert"
    tokenizer = AutoTokenizer.from_pretrained(tiny, pad_token="<|pad|>")
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        initializer_range=0.5,
        num_labels=1,
        pad_token_id=tokenizer.pad_token_id,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    batch = pairs(40)
    assert [score.value for score in local(folder).score(batch)] == pytest.approx(one_by_one(folder, batch), abs=1e-4)


def test_the_order_of_texts_is_no_matter(tiny: Path) -> None:
    batch = pairs(60)
    shuffled = Random(1).sample(range(60), 60)
    reward = local(tiny)
    there = [score.value for score in reward.score(batch)]
    here = [score.value for score in reward.score([batch[n] for n in shuffled])]
    assert here == pytest.approx([there[n] for n in shuffled], abs=1e-5)


def test_progress_is_told_within_a_block(tiny: Path) -> None:
    told: list[int] = []
    local(tiny).score(pairs(200, 100), told.append)
    assert told == sorted(told)
    assert told[-1] == 200
    assert len(told) > 3


def test_a_prompt_loses_its_beginning_and_an_answer_nothing(tiny: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    answer = "die Zahl und der " * 20
    long, longer = prompt("Frage " * 600), prompt("anders " * 3 + "Frage " * 600)
    reward = local(tiny)
    found = reward.score([(long, answer), (longer, answer), (prompt("kurz"), answer)])
    assert [score.note for score in found] == [PROMPT_CUT, PROMPT_CUT, None]
    assert found[0].value == pytest.approx(found[1].value, abs=1e-6), "what differs was cut off"

    tokenizer = AutoTokenizer.from_pretrained(tiny)
    turns = [*long.messages, {"role": "assistant", "content": answer}]
    ids = tokenizer.apply_chat_template(turns, return_dict=True, verbose=False)["input_ids"]
    kept = [ids[0], *ids[-(LONGEST - 1) :]]
    model = AutoModelForSequenceClassification.from_pretrained(tiny).eval()
    with torch.inference_mode():
        assert found[0].value == pytest.approx(float(model(torch.tensor([kept])).logits), abs=1e-4)


def test_an_answer_that_does_not_fit_has_no_score(tiny: Path) -> None:
    found = local(tiny, max_length=32).score(
        [(prompt("a"), "die " * 40), (prompt("a " * 60), "die"), (prompt("a"), "b")]
    )
    assert found[0] == Scored(None, TOO_LONG)
    assert found[1].value is not None
    assert found[1].note == PROMPT_CUT
    assert found[2].value is not None
    assert found[2].note is None


def test_batches_hold_what_they_may() -> None:
    random = Random(2)
    lengths = [random.randint(1, 300) for _ in range(500)] + [5000]
    found = list(batches(lengths, 2000))
    assert sorted(place for batch in found for place in batch) == list(range(501))
    assert found[0] == [500]
    assert all(len(batch) * max(lengths[n] for n in batch) <= 2000 for batch in found[1:])
    waste = 1 - sum(lengths[:500]) / sum(len(batch) * max(lengths[n] for n in batch) for batch in found[1:])
    assert waste < 0.05
    assert list(batches([], 10)) == []


def test_the_identity_of_scores(tmp_path: Path, tiny: Path) -> None:
    one = local(tiny)
    moved = shutil.copytree(tiny, tmp_path / "elsewhere")
    assert local(moved).score_key == one.score_key, "where a model lies is no matter"
    assert local(tiny, max_length=64).score_key != one.score_key
    template = moved / "chat_template.jinja"
    template.write_text(template.read_text() + " ")
    assert local(moved).score_key != one.score_key
    (moved / "README.md").write_text("other words")
    assert local(moved).revision != one.revision


def _refused(folder: Path, **settings: Any) -> str:
    with pytest.raises(RewardError) as caught:
        local(folder, **settings).score([(prompt("a"), "b")])
    return str(caught.value)


def test_what_is_no_reward_model(tmp_path: Path, tiny: Path) -> None:
    two = write_reward_model(tmp_path / "two", num_labels=2)
    assert "rewards.r: two has 2 outputs; a reward model has one" in _refused(two)

    from transformers import AutoModelForSequenceClassification

    headless = shutil.copytree(tiny, tmp_path / "headless")
    AutoModelForSequenceClassification.from_pretrained(tiny).model.save_pretrained(headless)
    config = json.loads((headless / "config.json").read_text())
    (headless / "config.json").write_text(json.dumps({**config, "num_labels": 1, "id2label": {"0": "r"}}))
    assert "is no reward model: its weights lack score.weight" in _refused(headless)

    silent = shutil.copytree(tiny, tmp_path / "silent")
    (silent / "chat_template.jinja").unlink()
    assert "has no chat template" in _refused(silent)
    assert "takes at most 512 tokens" in _refused(tiny, max_length=513)

    (tmp_path / "empty").mkdir()
    with pytest.raises(RewardError, match=r"rewards\.r\.model: .*holds no model"):
        local(tmp_path / "empty")


def test_a_models_own_code_is_not_run(tmp_path: Path, tiny: Path) -> None:
    own = shutil.copytree(tiny, tmp_path / "own")
    config = json.loads((own / "config.json").read_text())
    config["model_type"] = "mine"
    config["auto_map"] = {
        "AutoConfig": "mine.Config",
        "AutoModelForSequenceClassification": "mine.Model",
    }
    (own / "config.json").write_text(json.dumps(config))
    (own / "mine.py").write_text("raise SystemExit('was run')")
    assert "needs code of its own, which is never run in this process" in _refused(own)
