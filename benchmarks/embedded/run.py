"""Whether an embedded server says the same again: greedy, one and eight requests at once, several starts.

    python benchmarks/embedded/run.py [MODEL.gguf] [--prompts N] [--tokens N]

Without a model, a tiny one with random weights is made, whose near-ties make it a hard case.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "builder"), str(ROOT / "tests")]

from arbitrage.embedded.program import LLAMA_CPP  # noqa: E402
from arbitrage.embedded.server import EmbeddedServer  # noqa: E402

QUESTION = "Question {}: what do you know of the number {}, and of its neighbours? Answer in {} sentences."


async def answers(server: EmbeddedServer, prompts: list[str], tokens: int, at_once: int) -> tuple[list[str], float]:
    """Return what a server says to each prompt, and how many tokens a second it said."""
    slots, counted = asyncio.Semaphore(at_once), 0

    async def ask(session: aiohttp.ClientSession, prompt: str) -> str:
        nonlocal counted
        body = {
            "model": "m",
            "messages": [{"role": "user", "content": prompt}],
            "temperature": 0,
            "max_tokens": tokens,
            "seed": 1,
            "ignore_eos": True,
        }
        async with slots, session.post(f"{server.url}/chat/completions", json=body) as response:
            answer: dict[str, Any] = await response.json()
            counted += answer["usage"]["completion_tokens"]
            return str(answer["choices"][0]["message"]["content"])

    start = time.monotonic()
    async with aiohttp.ClientSession() as session:
        said = await asyncio.gather(*(ask(session, prompt) for prompt in prompts))
    return said, counted / (time.monotonic() - start)


async def measure(model: Path, count: int, tokens: int, folder: Path) -> None:
    """Print how many completions are the same as those of the first run."""
    prompts = [QUESTION.format(n, n * n, n % 5 + 1) for n in range(count)]
    first: list[str] | None = None
    print("| slots | at once | start | same as the first | tokens/s |")
    print("|---|---|---|---|---|")
    for slots, at_once in ((1, 1), (8, 1), (8, 8)):
        for start in (1, 2):
            settings = {"path": str(model), "model": "m", "slots": slots, "context": 1024, "threads": 2}
            server = EmbeddedServer("m", LLAMA_CPP, settings, folder / "log")
            await server.start()
            try:
                for _ in range(2):
                    said, speed = await answers(server, prompts, tokens, at_once)
                    first = first or said
                    same = sum(a == b for a, b in zip(first, said, strict=True))
                    print(f"| {slots} | {at_once} | {start} | {same} of {count} | {speed:.0f} |", flush=True)
            finally:
                server.stop()


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--prompts", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=64)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        model = options.model
        if model is None:
            from servers.tiny_gguf import write_model

            model = Path(name) / "tiny.gguf"
            write_model(model, 0)
        asyncio.run(measure(model, options.prompts, options.tokens, Path(name)))


if __name__ == "__main__":
    main()
