"""Scoring in the process beside transformers' own pipeline, on texts of mixed lengths.

    .venv/bin/python benchmarks/scoring/run.py                                   # texts drawn here
    .venv/bin/python benchmarks/scoring/run.py --texts answers.parquet           # columns prompt and completion

The model is a Llama of 4 layers with random weights, in float32 on the CPU. The pipeline is given the same formatted
texts, in the order in which a build comes to them, with the batch sizes that people use. Tokens are those of the texts
alone; what a batch holds beside them is padding, and waste is its share. Seconds of the processor, of all threads, are
beside those of the wall, since other work on the machine lengthens these alone.
"""

import argparse
import hashlib
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "builder"), str(ROOT / "dataset_cards"), str(ROOT / "tests")]

from arbitrage.recipe.reward import Reward  # noqa: E402
from arbitrage.records import Prompt  # noqa: E402
from arbitrage.rewards.batches import batches  # noqa: E402
from arbitrage.rewards.local import TOKENS_ON_CPU, LocalReward  # noqa: E402
from arbitrage.rewards.score import BLOCK  # noqa: E402

LONGEST = 2048
BATCH_SIZES = (1, 8, 32)

Pair = tuple[Prompt, str]


class Measured(NamedTuple):
    seconds: float
    cpu: float
    scores: list[float]
    waste: float


def drawn(count: int) -> list[Pair]:
    """Return answers of 5 to 1,500 words, most of them short, as answers are."""
    random = Random(1)
    words = "die der und Frage Zahl bir ve soru the of answer".split()
    return [
        (_prompt(f"Frage {n}"), " ".join(random.choices(words, k=min(1500, 5 + int(random.lognormvariate(4, 1.2))))))
        for n in range(count)
    ]


def read(path: Path, count: int) -> list[Pair]:
    """Return some rows of a table of prompts and completions, in hash order."""
    import pyarrow.parquet as pq

    rows = pq.read_table(path, columns=["prompt", "completion"]).to_pylist()
    rows.sort(key=lambda row: hashlib.sha256(f"{row['prompt']}\n{row['completion']}".encode()).digest())
    return [(_prompt(row["prompt"]), row["completion"]) for row in rows if row["completion"].strip()][:count]


def _prompt(text: str) -> Prompt:
    return Prompt("p", "de", "s", "train", [{"role": "user", "content": text}])


def ours(reward: LocalReward, pairs: Sequence[Pair]) -> Measured:
    reward.score(pairs[:8])
    start, cpu = time.perf_counter(), time.process_time()
    scores = [score.value or 0.0 for n in range(0, len(pairs), BLOCK) for score in reward.score(pairs[n : n + BLOCK])]
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    loaded = reward._loaded
    assert loaded is not None
    lengths = [len(loaded.tokens(*pair).ids or ()) for pair in pairs]
    padded = 0
    for n in range(0, len(pairs), BLOCK):
        block = lengths[n : n + BLOCK]
        padded += sum(len(batch) * max(block[place] for place in batch) for batch in batches(block, TOKENS_ON_CPU))
    return Measured(seconds, cpu, scores, 1 - sum(lengths) / padded)


def pipeline(folder: Path, texts: Sequence[str], lengths: Sequence[int], size: int) -> Measured:
    from transformers import pipeline as make

    scorer: Any = make("text-classification", model=str(folder), device="cpu", function_to_apply="none")

    settings = {"batch_size": size, "truncation": True, "max_length": LONGEST}
    scorer(list(texts[:8]), **settings)
    start, cpu = time.perf_counter(), time.process_time()
    found = scorer(list(texts), **settings)
    scores = [float(one["score"]) for one in found]
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    padded = sum(max(lengths[n : n + size]) * len(lengths[n : n + size]) for n in range(0, len(lengths), size))
    return Measured(seconds, cpu, scores, 1 - sum(lengths) / padded)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=Path, help="Parquet with the columns prompt and completion")
    parser.add_argument("--count", type=int, default=1024)
    parser.add_argument("--width", type=int, default=256, help="of the model")
    chosen = parser.parse_args()

    warnings.simplefilter("ignore")
    import torch
    from rewards.tiny_model import write_reward_model
    from transformers import AutoTokenizer
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    pairs = read(chosen.texts, chosen.count) if chosen.texts else drawn(chosen.count)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "model"
        size = {"hidden_size": chosen.width, "intermediate_size": 4 * chosen.width, "num_hidden_layers": 4}
        write_reward_model(folder, pad="<|pad|>", max_position_embeddings=LONGEST, **size)
        tokenizer = AutoTokenizer.from_pretrained(folder, model_max_length=LONGEST)
        tokenizer.save_pretrained(folder)
        reward = LocalReward("r", Reward.model_validate({"local": True, "model": str(folder)}), Path())
        reward.identify()
        texts = [
            str(
                tokenizer.apply_chat_template(
                    [*prompt.messages, {"role": "assistant", "content": text}], tokenize=False
                )
            )
            for prompt, text in pairs
        ]
        lengths = [min(LONGEST, len(ids)) for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]]
        tokens = sum(lengths)
        spread = sorted(lengths)
        print(
            f"{len(texts)} texts, {tokens:,} tokens; shortest {spread[0]}, median {spread[len(spread) // 2]}, longest "
            f"{spread[-1]}; width {chosen.width}, {torch.get_num_threads()} threads, torch {torch.__version__}\n"
        )
        mine = ours(reward, pairs)
        print("| | tokens/s | tokens/CPU-s | padding | furthest score | ours is faster by | in CPU-s |")
        print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
        speed = f"{tokens / mine.seconds:,.0f} | {tokens / mine.cpu:,.0f}"
        print(f"| arbitrage, in blocks of {BLOCK} | {speed} | {mine.waste:.1%} | | | |", flush=True)
        fit = [place for place, length in enumerate(lengths) if length < LONGEST]
        for batch_size in BATCH_SIZES:
            theirs = pipeline(folder, texts, lengths, batch_size)
            apart = max(abs(mine.scores[place] - theirs.scores[place]) for place in fit)
            row = [f"{tokens / theirs.seconds:,.0f}", f"{tokens / theirs.cpu:,.0f}", f"{theirs.waste:.1%}"]
            row += [f"{apart:.1e}", f"{theirs.seconds / mine.seconds:.1f} x", f"{theirs.cpu / mine.cpu:.1f} x"]
            print(f"| pipeline, batch_size={batch_size} | {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
