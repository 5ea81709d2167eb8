"""datatrove's InferenceRunner against an external endpoint, with and without its checkpoints.

It runs in this process, without an executor: nothing is spent on logs, statistics and process pools.
To `localhost` and `127.0.0.1` it speaks through sockets of its own, its fastest path, which gives the job up
at the first 429 or 500. To any other host it goes through the openai SDK, which retries. `--path sdk`
therefore spells the address 127.1, which is the same host to every resolver and another to its comparison.
Neither lives through many refusals as it comes: on the openai path, datatrove's own retry sends a payload
that has lost its `model`. `--retry own` therefore retries in the rollout function, its user's to write.
"""

import asyncio
import sys
from pathlib import Path
from urllib.parse import urlsplit

import asking
from datatrove.data import Document
from datatrove.pipeline.inference.run_inference import InferenceConfig, InferenceRunner
from datatrove.pipeline.inference.types import InferenceError, ServerError
from datatrove.pipeline.writers import JsonlWriter
from loguru import logger


async def rollout(document, generate):
    return await generate({"messages": [{"role": "user", "content": document.text}]})


async def patient_rollout(document, generate):
    for attempt in range(asking.ATTEMPTS):
        try:
            return await rollout(document, generate)
        except (InferenceError, ServerError):
            await asyncio.sleep(asking.backoff(attempt))
    return None


def held(out: Path) -> int:
    """Count the rows in its output: what its user has, also after it died."""
    return sum(path.read_bytes().count(b"\n") for path in out.glob("*.jsonl"))


def main() -> int:
    args = asking.arguments(
        checkpoints={"choices": ["on", "off"], "default": "off"},
        path={"choices": ["raw", "sdk"], "default": "raw"},
        retry={"choices": ["shipped", "own"], "default": "shipped"},
    )
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    (url,), (concurrency,) = args.url, args.concurrency
    if args.path == "sdk":
        url = f"http://127.1:{urlsplit(url).port}"
    config = InferenceConfig(
        server_type="endpoint",
        model_name_or_path=asking.MODEL,
        endpoint_url=url,
        api_key="none",
        use_chat=True,
        default_generation_params=dict(asking.SAMPLING),
        max_concurrent_generations=concurrency,
        # its default is the number of requests, and more brings nothing where all succeed; but documents that
        # wait for their retry should not keep others from asking
        max_concurrent_documents=2 * concurrency if args.retry == "own" else None,
        metric_interval=3600,
    )
    # checkpoints close a file for each chunk of 6,000 rows (its default), and ask for the chunk in the name
    on = args.checkpoints == "on"
    name = "${rank}_chunk_${chunk_index}.jsonl" if on else "${rank}.jsonl"
    runner = InferenceRunner(
        rollout_fn=patient_rollout if args.retry == "own" else rollout,
        config=config,
        output_writer=JsonlWriter(str(args.out / "output"), output_filename=name, compression=None),
        checkpoints_local_dir=str(args.out / "checkpoints") if on else None,
    )
    documents = (Document(text=text, id=str(n)) for n, text in asking.prompts(args.prompts, args.rows))
    error = None
    try:
        runner.run(documents)
    except Exception as raised:  # noqa: BLE001 whatever ends its job is a result of the benchmark
        error = f"{type(raised).__name__}: {raised}".split(". Payload:")[0][:200]
    asking.report(held(args.out / "output"), "datatrove", "openai", "httpx", "aiosqlite", error=error)
    return 1 if error else 0


if __name__ == "__main__":
    sys.exit(main())
