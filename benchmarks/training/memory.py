"""What each recipe needs of a GPU's memory, worked out from the shapes of its model; and how far a CPU bears that out.

    python benchmarks/training/memory.py [--measure]

What is counted, in bytes a weight W, token T of a step, layer L, width H, feed-forward width F, width of keys K:

- weights: 4 W where all are trained (bf16 is for computing alone), 2 W frozen under LoRA; gradients 4 and Adam 8 of
  what is trained. Over N GPUs with FSDP2 each has an Nth, and one layer and the embeddings whole, in bf16.
- kept for the way back: 2 T H for each layer, where what is between is computed again (activation_checkpointing).
- one layer at work: 2 T (6 H + 2 K + 4 F), and its gradients, as much again.
- the loss: TRL goes through the vocabulary in parts of 32,768; the logits and gradients of a part are there at once.

The allocator's own, CUDA's context and what is broken up are not counted.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import torch
import yaml
from transformers import AutoConfig, AutoModelForCausalLM

ROOT = Path(__file__).resolve().parents[2]
GIB = 2**30
PART = 32_768
SPARE = 1.4
"""A process on the CPU took up to so many times what is worked out."""
GPUS = {"24 GB": 24e9, "48 GB": 48e9, "80 GB": 80e9, "141 GB": 141e9}
SHAPES: dict[str, dict[str, Any]] = {
    "CohereLabs/aya-23-8B": {
        "model_type": "cohere",
        "vocab_size": 256_000,
        "hidden_size": 4096,
        "intermediate_size": 14_336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
    },
    "CohereLabs/aya-expanse-32b": {
        "model_type": "cohere",
        "vocab_size": 256_000,
        "hidden_size": 8192,
        "intermediate_size": 24_576,
        "num_hidden_layers": 40,
        "num_attention_heads": 64,
        "num_key_value_heads": 8,
    },
    "Qwen/Qwen3-1.7B": {
        "model_type": "qwen3",
        "vocab_size": 151_936,
        "hidden_size": 2048,
        "intermediate_size": 6144,
        "num_hidden_layers": 28,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "tie_word_embeddings": True,
    },
}
"""As the models' own config.json have them."""
MEASURED: dict[str, Any] = {
    "model_type": "cohere",
    "vocab_size": 16_000,
    "hidden_size": 512,
    "intermediate_size": 2048,
    "num_hidden_layers": 8,
    "num_attention_heads": 8,
    "num_key_value_heads": 8,
    "eos_token_id": 0,
}
SCORED = 64
"""Tokens that have a loss when it is measured: without a GPU the loss takes another way, which keeps more."""


class Need(NamedTuple):
    """Bytes that each GPU has to have."""

    weights: float
    trained: float
    kept: float
    working: float

    @property
    def total(self) -> float:
        """All of them."""
        return sum(self)


def empty(shape: dict[str, Any]) -> Any:
    """Return a model without its weights."""
    values = {"tie_word_embeddings": True, **shape}
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(AutoConfig.for_model(values.pop("model_type"), **values))


def need(
    shape: dict[str, Any], tokens: int, rank: int | None, shards: int, width: int, checkpoints: bool, scored: int
) -> Need:
    """Return what a step needs whose `scored` tokens have a loss; `width`: bytes of a number that is computed with."""
    model = empty(shape)
    linear = [m for name, m in model.named_modules() if isinstance(m, torch.nn.Linear) and "lm_head" not in name]
    weights = sum(p.numel() for p in model.parameters())
    trained = weights if rank is None else sum(rank * (m.in_features + m.out_features) for m in linear)
    config, layers = model.config, model.config.num_hidden_layers
    heads = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    keys = heads * config.num_key_value_heads
    embedded = config.vocab_size * config.hidden_size
    whole = 0.0 if shards == 1 else width * (embedded + (weights - embedded) / layers)
    layer = width * tokens * (6 * config.hidden_size + 2 * keys + 4 * config.intermediate_size)
    kept = width * tokens * config.hidden_size * layers if checkpoints else layer * layers
    logits = scored * min(PART, config.vocab_size) * (width + 4)
    return Need(
        (4 if rank is None else 2) * weights / shards + whole, 12 * trained / shards, kept, max(2 * layer, logits)
    )


def recipes() -> None:
    """Print what the recipes need."""
    print("| recipe | weights | longest step | weights | gradients, Adam | kept | at work | each GPU | fits |")
    print("|---|---|---|---|---|---|---|---|---|")
    for path in sorted((ROOT / "training/recipes").glob("*.yaml")):
        recipe = yaml.safe_load(path.read_text(encoding="utf-8"))
        shape = SHAPES.get(recipe.get("model_name_or_path", ""))
        if shape is None:
            continue
        shards = 8 if "fsdp2" in path.read_text(encoding="utf-8") else 1
        # A pair of answers is two rows.
        pairs = 2 if recipe["dataset_config"] == "preferences" else 1
        tokens = pairs * recipe["per_device_train_batch_size"] * recipe["max_length"]
        rank = recipe.get("lora_r") if recipe.get("use_peft") else None
        found = need(shape, tokens, rank, shards, 2, recipe["activation_checkpointing"], tokens)
        parts = " | ".join(f"{value / GIB:.1f}" for value in found)
        fits = [name for name, room in GPUS.items() if SPARE * found.total < room]
        count = sum(p.numel() for p in empty(shape).parameters()) / 1e9
        gpus = f"{shards} x {fits[0]}" if fits else "none"
        print(f"| {path.stem} | {count:.2f} B | {tokens:,} | {parts} | {found.total / GIB:.1f} | {gpus} |")
    print(f"\nGiB. `fits`: the smallest GPUs that have {SPARE} times as much.")


CHILD = """
import resource, sys, torch
sys.path.insert(0, sys.argv[1])
from memory import MEASURED, SCORED
from transformers import AutoConfig, AutoModelForCausalLM
values = dict(MEASURED)
tokens, checkpoints = int(sys.argv[2]), sys.argv[3] == "True"
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
model = AutoModelForCausalLM.from_config(AutoConfig.for_model(values.pop("model_type"), **values)).train()
if checkpoints:
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
optimizer = torch.optim.AdamW(model.parameters(), fused=True)
for _ in range(2):
    ids = torch.randint(0, MEASURED["vocab_size"], (tokens // 512, 512))
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state.flatten(0, 1)[:SCORED]
    torch.nn.functional.cross_entropy(model.lm_head(hidden), ids.flatten()[:SCORED]).backward()
    optimizer.step()
    optimizer.zero_grad()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before)
"""


def measured() -> None:
    """Print what was worked out for a model on the CPU beside what a process took."""
    print("\n| tokens a step | checkpoints | worked out | measured | ratio |\n|---|---|---|---|---|")
    for tokens, checkpoints in ((2048, True), (8192, True), (2048, False), (4096, False)):
        found = need(MEASURED, tokens, None, 1, 4, checkpoints, SCORED).total
        command = [sys.executable, "-c", CHILD, str(Path(__file__).parent), str(tokens), str(checkpoints)]
        took = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        print(f"| {tokens:,} | {checkpoints} | {found / GIB:.2f} | {took / GIB:.2f} | {took / found:.2f} |")


def main() -> None:
    """Print the table, and measure where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", action="store_true", help="train a model of 42 million weights on the CPU")
    options = parser.parse_args()
    recipes()
    if options.measure:
        measured()


if __name__ == "__main__":
    main()
