"""Retrieval of parallel sentences by a tiny model with random weights, beside the cosine of character n-grams.

    .venv/bin/python benchmarks/retrieval/run.py FILE.parquet [--rows N] [--model FOLDER_OR_REPO]

FILE has the columns text, english and language. The model with random weights is at chance, but for what two texts
share letter by letter, and so is a check of the comparison; with --model a real one takes its place. The peer knows no
language: the cosine of counts of two to four characters, weighted by how rare they are among all sentences.
"""

import argparse
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from math import log
from pathlib import Path
from typing import Any

import numpy as np
from arbitrage_eval.retrieval.entry import Retrieval
from arbitrage_eval.retrieval.pairs import Pairs, read_pairs
from arbitrage_eval.retrieval.rates import DIRECTIONS, WAYS, rates
from arbitrage_eval.retrieval.retrieving import retrieve

LAYERS, WIDTH = 4, 256


def n_grams(texts: Sequence[str]) -> Callable[[Sequence[str]], np.ndarray]:
    """Return what gives the vectors of texts: rare n-grams weigh more."""
    counts = {
        text: Counter(text.lower()[start : start + n] for n in (2, 3, 4) for start in range(len(text) - n + 1))
        for text in texts
    }
    spread = Counter(gram for found in counts.values() for gram in found)
    # What stands in one sentence alone brings no two together.
    column = {gram: place for place, gram in enumerate(gram for gram, count in spread.items() if count > 1)}

    def vectors(wanted: Sequence[str]) -> np.ndarray:
        rows = np.zeros((len(wanted), len(column)), dtype=np.float32)
        for number, text in enumerate(wanted):
            for gram, count in counts[text].items():
                if gram in column:
                    rows[number, column[gram]] = count * log(len(counts) / spread[gram])
        return rows

    return vectors


def write_random_model(folder: Path) -> Path:
    """Write a Llama of some megabytes that was never trained, over bytes."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: number for number, letter in enumerate(letters)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<s>"])
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=WIDTH,
        intermediate_size=2 * WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        max_position_embeddings=1024,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", model_max_length=1024).save_pretrained(folder)
    return folder


def show(name: str, found: dict[str, Any]) -> None:
    print(f"\n{name}\n")
    print("| language | pairs |" + "".join(f" {way} {where} |" for way in WAYS for where in DIRECTIONS))
    print("| --- | ---: |" + " ---: |" * 4)
    for language, one in [*found["languages"].items(), ("mean", {"pairs": "", **found["mean"]})]:
        cells = [one[way][where] for way in WAYS for where in DIRECTIONS]
        shown = [
            f"{cell['value']:.1%}" + (f" ({cell['low']:.1%} to {cell['high']:.1%})" if cell["low"] is not None else "")
            for cell in cells
        ]
        print(f"| {language} | {one['pairs']} | " + " | ".join(shown) + " |")


def timed(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    start, used = time.monotonic(), time.process_time()
    found = work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{time.monotonic() - start:.1f} s, {time.process_time() - used:.1f} CPU-s, {peak:.0f} MB at the most so far")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--rows", type=int, help="so many pairs of each language, the first in their order")
    parser.add_argument("--model", help="a folder, or a model on the Hub")
    given = parser.parse_args()
    entry = Retrieval(path=str(given.file.resolve()), columns={"sentence": "text"})
    pairs: Pairs = {language: rows[: given.rows] for language, rows in read_pairs(entry, Path()).items()}
    texts = sorted({text for rows in pairs.values() for pair in rows for text in pair})
    print(f"{sum(map(len, pairs.values())):,} pairs, {len(texts):,} sentences")
    show("character n-grams", timed(lambda: rates(pairs, n_grams(texts))))
    with tempfile.TemporaryDirectory() as folder:
        model = given.model or str(write_random_model(Path(folder)))
        show(given.model or "a model with random weights", timed(lambda: retrieve(model, None, pairs)))


if __name__ == "__main__":
    main()
