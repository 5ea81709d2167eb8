"""The auditor: a reward model of another family, sequence classification with one output, trained on preferences."""

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

from arbitrage.miniature.model import ASSISTANT, END, USER, advance, batches, optimizer_of
from arbitrage.miniature.preferences import Preference

if TYPE_CHECKING:
    from transformers import LlamaForSequenceClassification, PreTrainedTokenizerFast

    from arbitrage.miniature.model import Speaker

PAIRS = 16
"""Pairs in a batch."""
RATE = 1e-3
"""A fifth of what the base was trained with: it is to keep what it knows."""


def deeper(base: "Speaker") -> "LlamaForSequenceClassification":
    """Return a classifier with the weights of a base and one layer more, which is new."""
    import torch
    from transformers import AutoModelForSequenceClassification

    torch.manual_seed(0)
    changes = {
        "num_hidden_layers": base.config.num_hidden_layers + 1,
        "layer_types": None,
        "id2label": {0: "reward"},
        "label2id": {"reward": 0},
    }
    config = type(base.config)(**{**base.config.to_dict(), **changes})
    model: LlamaForSequenceClassification = AutoModelForSequenceClassification.from_config(config)  # type: ignore[no-untyped-call]
    model.model.load_state_dict(base.model.state_dict(), strict=False)
    return model


def train_auditor(
    base: "Speaker", tokenizer: "PreTrainedTokenizerFast", pairs: Sequence[Preference], steps: int, seed: int
) -> "LlamaForSequenceClassification":
    """Train a classifier, beginning from a language model.

    The loss is Bradley and Terry's on the whole answers, plus the same on what they have in common no more: a model
    this small learns sooner where the fault is than that there is one.
    """
    import torch
    from torch.nn.functional import logsigmoid

    torch.set_num_threads(1)
    model = deeper(base)
    optimizer, schedule = optimizer_of(model, steps, RATE, 0.08)
    heads = tokenizer([f"{USER}{pair.prompt}{ASSISTANT}" for pair in pairs])["input_ids"]
    both = [tokenizer([f"{pair[side]}{END}" for pair in pairs])["input_ids"] for side in (1, 2)]
    model.train()
    lengths = [len(head) + max(map(len, tails)) for head, *tails in zip(heads, *both, strict=True)]
    for rows in batches(lengths, PAIRS, steps, Random(f"{seed}:order")):
        texts = [heads[n] + tails[n] for tails in both for n in rows]
        width = max(map(len, texts))
        ids = torch.tensor([text + [tokenizer.pad_token_id] * (width - len(text)) for text in texts])
        values = model.score(model.model(input_ids=ids).last_hidden_state)[..., 0]
        better, worse = values[: len(rows)], values[len(rows) :]
        ends = torch.tensor([len(text) - 1 for text in texts])
        at = torch.arange(len(rows))
        whole = logsigmoid(better[at, ends[: len(rows)]] - worse[at, ends[len(rows) :]])
        parted = torch.zeros(len(rows), width, dtype=torch.bool)
        for k, n in enumerate(rows):
            one, other = both[0][n], both[1][n]
            apart = next((i for i, (x, y) in enumerate(zip(one, other, strict=False)) if x != y), 0)
            parted[k, len(heads[n]) + apart : len(heads[n]) + min(len(one), len(other))] = True
        advance(model, -whole.mean() - logsigmoid((better - worse)[parted]).mean(), optimizer, schedule)
    model.train(False)
    return model
