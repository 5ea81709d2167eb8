"""How fast a student trains, and in how much memory: padding, grouping by length and packing beside TRL's defaults.

    python benchmarks/training/run.py FOLDER [--steps 30] [--width 256] [--layers 4]

Each row is training/sft.py itself, in a process of its own, on the same rows: made-up conversations whose lengths are
those of answers to chat prompts (log-normal, some at the limit of 1,024). Tokens that fill up a batch are not counted.
On a GPU where there is one, with bf16, else on the CPU.
"""

import argparse
import json
import math
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "builder"), str(ROOT / "dataset_cards")]

import torch  # noqa: E402
from arbitrage.miniature.model import make_tokenizer  # noqa: E402
from transformers import AutoConfig, AutoModelForCausalLM  # noqa: E402

ROWS, LONGEST, EXAMPLES = 2000, 1024, 16
SETTINGS: dict[str, dict[str, Any]] = {
    "TRL's defaults": {"per_device_train_batch_size": 8, "gradient_accumulation_steps": 2},
    "padding, no checkpoints": {
        "per_device_train_batch_size": 8,
        "gradient_accumulation_steps": 2,
        "activation_checkpointing": False,
    },
    "grouped by length (the recipes)": {
        "per_device_train_batch_size": 8,
        "gradient_accumulation_steps": 2,
        "train_sampling_strategy": "group_by_length",
    },
    "grouped by length, no checkpoints": {
        "per_device_train_batch_size": 8,
        "gradient_accumulation_steps": 2,
        "train_sampling_strategy": "group_by_length",
        "activation_checkpointing": False,
    },
    "packed": {"packing": True, "per_device_train_batch_size": 4},
}


def make(folder: Path, width: int, layers: int) -> None:
    """Write the rows, a tokenizer and a model that knows nothing."""
    if (folder / "model/config.json").is_file():
        return
    random = Random(1)
    words = ["".join(random.choices("abcdefghijklmnopqrstuvwxyz", k=random.randint(2, 9))) for _ in range(4000)]
    tokenizer = make_tokenizer([" ".join(words)] * 2, 4000)
    tokenizer.model_max_length = LONGEST
    rows = []
    for n in range(ROWS):
        asked, answered = random.randint(8, 60), min(LONGEST, int(math.exp(random.gauss(4.0, 0.9))))
        texts = [" ".join(random.choices(words, k=max(1, count // 2))) for count in (asked, answered)]
        turns = [[{"role": role, "content": text}] for role, text in zip(("user", "assistant"), texts, strict=True)]
        rows.append({"prompt": turns[0], "completion": turns[1], "prompt_id": str(n), "language": "en"})
    (folder / "rows").mkdir(parents=True, exist_ok=True)
    (folder / "rows/train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "rows/README.md").write_text("---\nconfigs:\n- config_name: reward\n  data_files: train.jsonl\n---\n")
    torch.manual_seed(1)
    config = AutoConfig.for_model(
        "cohere",
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=4 * width,
        num_hidden_layers=layers,
        num_attention_heads=max(1, width // 64),
        num_key_value_heads=max(1, width // 64),
        max_position_embeddings=LONGEST,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")


def measure(folder: Path, name: str, settings: dict[str, Any], steps: int) -> dict[str, Any]:
    """Train with some settings and return what training.json says of it."""
    out = folder / name.replace(" ", "-").replace("'", "").replace(",", "")
    given = {
        "dataset_name": folder / "rows",
        "dataset_config": "reward",
        "model_name_or_path": folder / "model",
        "output_dir": out,
        "max_length": LONGEST,
        "max_steps": steps,
        "logging_steps": 1,
        "learning_rate": 1e-4,
        "save_strategy": "no",
        "disable_tqdm": True,
        **settings,
    }
    options = [part for key, value in given.items() for part in (f"--{key}", str(value))]
    # What is trained already is not trained again.
    subprocess.run([sys.executable, str(ROOT / "training/sft.py"), *options], check=True, stdout=subprocess.DEVNULL)
    found: dict[str, Any] = json.loads((out / "training.json").read_text(encoding="utf-8"))
    last = next(log for log in reversed(found["log"]) if "train_runtime" in log)
    tokens = next(log["num_tokens"] for log in reversed(found["log"]) if "num_tokens" in log)
    return {"seconds": last["train_runtime"], "tokens": tokens, "hardware": found["hardware"], "steps": found["steps"]}


def peak() -> float:
    """Return how many operations a second this device does in the largest matrix product, in what it trains in."""
    on_gpu = torch.cuda.is_available()
    size, kind = (8192, torch.bfloat16) if on_gpu else (1024, torch.float32)
    one = torch.randn(size, size, dtype=kind, device="cuda" if on_gpu else "cpu")
    best = math.inf
    for _ in range(10):
        start = time.perf_counter()
        one @ one
        if on_gpu:
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


def main() -> None:
    """Read the command line, measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--layers", type=int, default=4)
    options = parser.parse_args()
    folder = options.folder.resolve()
    make(folder, options.width, options.layers)
    weights = sum(p.numel() for p in AutoModelForCausalLM.from_pretrained(folder / "model").parameters())
    found = {name: measure(folder, name, settings, options.steps) for name, settings in SETTINGS.items()}
    fastest, usual = peak(), found["TRL's defaults"]
    print(f"\n{weights / 1e6:.1f} million weights; {fastest / 1e9:,.0f} GFLOP/s in a matrix product\n")
    print("| settings | tokens a second | beside TRL's defaults | share of the matrix product's speed | memory |")
    print("|---|---|---|---|---|")
    for name, one in found.items():
        rate = one["tokens"] / one["seconds"]
        # Forward and backward take six operations a weight and token; what checkpoints compute again is no use.
        share = 6 * weights * rate / fastest
        ratio = rate / (usual["tokens"] / usual["seconds"])
        print(f"| {name} | {rate:,.0f} | {ratio:.2f} | {share:.1%} | {one['hardware'].partition('at most ')[2]} |")


if __name__ == "__main__":
    main()
