"""What every peer's script shares: arguments, prompts, the wait before a retry, and the closing report."""

import argparse
import json
import random
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

MODEL = "mock/teacher"
SAMPLING = {"temperature": 0.3, "top_p": 1.0, "max_tokens": 1024}
ATTEMPTS = 50


def arguments(**more: dict) -> argparse.Namespace:
    """Parse what run.py passes; `more` holds a peer's own options."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", action="append", required=True, help="one for each teacher")
    parser.add_argument("--concurrency", type=int, action="append", required=True, help="one for each --url")
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--prompts", type=Path, required=True, help="JSONL with a column `prompt`")
    parser.add_argument("--out", type=Path, required=True, help="a folder to write into")
    for name, options in more.items():
        parser.add_argument(f"--{name}", **options)
    return parser.parse_args()


def prompts(path: Path, rows: int) -> Iterator[tuple[int, str]]:
    """Stream (number, prompt), so that a peer's memory is its own."""
    with path.open() as lines:
        for number, line in zip(range(rows), lines, strict=False):
            yield number, json.loads(line)["prompt"]


def backoff(attempt: int) -> float:
    """Return seconds to wait before retry `attempt`: exponential with jitter, as one writes it by hand.

    Short waits suit a server that refuses at once and recovers at once. Of those tried under the hard cap
    (README.md has the figures) this one is the fastest that loses no row.
    """
    return min(0.4, 0.05 * 2**attempt) * random.uniform(0.5, 1.5)


def report(rows: int, *packages: str, error: str | None = None) -> None:
    """Write the last line of a peer: rows it holds and the versions that got them."""
    versions = {}
    for name in packages:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "absent"
    print(json.dumps({"rows": rows, "versions": versions, "error": error}), flush=True)
