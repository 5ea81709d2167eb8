"""Tiny language models: a byte-level tokenizer, and a fifth of a million weights trained on answers alone."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from torch import LongTensor, Tensor
    from torch.optim import AdamW
    from torch.optim.lr_scheduler import LambdaLR
    from transformers import (
        CohereForCausalLM,
        LlamaForCausalLM,
        PreTrainedModel,
        PreTrainedTokenizerFast,
        Qwen2ForCausalLM,
    )

    Speaker = CohereForCausalLM | LlamaForCausalLM | Qwen2ForCausalLM

PAD, END, USER, ASSISTANT = "<|pad|>", "<|end|>", "<|user|>", "<|assistant|>"
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}<|end|>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
WIDTH, INNER, LAYERS, HEADS, CONTEXT = 64, 192, 2, 4, 256
BATCH = 32
POOLED = 16
"""Batches that are sorted by length together, so that little of them is padding."""


class Lesson(NamedTuple):
    """A question and what a model should answer."""

    prompt: str
    answer: str


def make_tokenizer(texts: Iterable[str], size: int) -> "PreTrainedTokenizerFast":
    """Train a byte-level BPE tokenizer, which cuts words as GPT-2's does and knows user and assistant."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[PAD, END, USER, ASSISTANT],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        chat_template=TEMPLATE,
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )


def new_model(family: str, tokenizer: "PreTrainedTokenizerFast", seed: int) -> "Speaker":
    """Return an untrained model: `llama`, `qwen2`, whose attention has biases, or `cohere`, which Aya is."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(seed)
    config = AutoConfig.for_model(
        family,
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=INNER,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS,
        max_position_embeddings=CONTEXT,
        # Logits are as they are: Aya's own scale, a sixteenth, is for a model that is much wider.
        **({"logit_scale": 1.0} if family == "cohere" else {"rms_norm_eps": 1e-5}),
        tie_word_embeddings=True,
        initializer_range=0.04,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model: Speaker = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    return model


def teach(
    model: "Speaker",
    tokenizer: "PreTrainedTokenizerFast",
    lessons: Sequence[Lesson],
    steps: int,
    seed: int,
    *,
    rate: float = 5e-3,
    warm: float = 0.08,
    pause: int | None = None,
) -> Iterator[None]:
    """Train a model on the answers; yields once after `pause` steps, where given, and at the end.

    One thread, and a number of steps rather than of seconds: on one machine the same lessons give the same weights.
    """
    import torch
    from torch.nn.functional import cross_entropy

    torch.set_num_threads(1)
    encoded = encode(tokenizer, lessons)
    optimizer, schedule = optimizer_of(model, steps, rate, warm)
    model.train()
    for step, rows in enumerate(batches([len(ids) for ids, _ in encoded], BATCH, steps, Random(f"{seed}:order")), 1):
        ids, labels = _padded([encoded[n] for n in rows], tokenizer.pad_token_id)
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
        wanted = labels[:, 1:]
        asked = wanted != -100
        # Only where an answer stands: most positions are the prompt's, and the vocabulary is wide.
        advance(model, cross_entropy(model.lm_head(hidden[asked]), wanted[asked]), optimizer, schedule)
        if step == pause:
            yield
    model.train(False)
    yield


def optimizer_of(model: "PreTrainedModel", steps: int, rate: float, warm: float) -> "tuple[AdamW, LambdaLR]":
    """Return AdamW, with a rate that rises, stays for 40 % of the steps and falls to nothing."""
    import torch

    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    rising, falling = warm * steps, 0.6 * steps
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / max(1.0, rising), max(0.0, (steps - step) / falling))
    )
    return optimizer, schedule


def advance(model: "PreTrainedModel", loss: "Tensor", optimizer: "AdamW", schedule: "LambdaLR") -> None:
    """Take one step that makes a loss smaller."""
    import torch

    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    schedule.step()
    optimizer.zero_grad(set_to_none=True)


def encode(tokenizer: "PreTrainedTokenizerFast", lessons: Sequence[Lesson]) -> list[tuple[list[int], int]]:
    """Return the tokens of each lesson, and how many of them are the question's."""
    heads = tokenizer([f"{USER}{lesson.prompt}{ASSISTANT}" for lesson in lessons])["input_ids"]
    tails = tokenizer([f"{lesson.answer}{END}" for lesson in lessons])["input_ids"]
    return [(head + tail, len(head)) for head, tail in zip(heads, tails, strict=True)]


def batches(lengths: Sequence[int], size: int, steps: int, random: Random) -> Iterator[list[int]]:
    """Yield `steps` batches of places of like length, going through all of them again and again."""
    while steps > 0:
        order = list(range(len(lengths)))
        random.shuffle(order)
        for start in range(0, len(order), size * POOLED):
            pool = sorted(order[start : start + size * POOLED], key=lambda n: lengths[n])
            groups = [pool[n : n + size] for n in range(0, len(pool), size)]
            random.shuffle(groups)
            yield from groups[:steps]
            steps -= len(groups)
            if steps <= 0:
                return


def _padded(rows: Sequence[tuple[list[int], int]], pad: int) -> "tuple[Tensor, Tensor]":
    import torch

    length = max(len(ids) for ids, _ in rows)
    ids, labels = torch.full((len(rows), length), pad), torch.full((len(rows), length), -100)
    for n, (tokens, head) in enumerate(rows):
        ids[n, : len(tokens)] = torch.tensor(tokens)
        labels[n, head : len(tokens)] = torch.tensor(tokens[head:])
    return ids, labels


def answers(
    model: "Speaker", tokenizer: "PreTrainedTokenizerFast", prompts: Sequence[str], most: int = 16
) -> list[str]:
    """Return what a model finds likeliest to answer; prompts of one length go together, so nothing is padded."""
    import torch

    encoded = tokenizer([f"{USER}{prompt}{ASSISTANT}" for prompt in prompts])["input_ids"]
    by_length: dict[int, list[int]] = {}
    for n, ids in enumerate(encoded):
        by_length.setdefault(len(ids), []).append(n)
    found = [""] * len(prompts)
    with torch.inference_mode():
        for length, places in by_length.items():
            ids = torch.tensor([encoded[n] for n in places])
            out: LongTensor = model.generate(  # type: ignore[misc, assignment]
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=most, do_sample=False, use_cache=True
            )
            for n, row in zip(places, out, strict=True):
                found[n] = str(tokenizer.decode(row[length:], skip_special_tokens=True))
    return found


def load(path: Path) -> "tuple[Speaker, PreTrainedTokenizerFast]":
    """Load a language model and its tokenizer from a folder."""
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    model = cast("Speaker", AutoModelForCausalLM.from_pretrained(path))
    return model, cast("PreTrainedTokenizerFast", AutoTokenizer.from_pretrained(path))
