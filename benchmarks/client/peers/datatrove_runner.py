"""datatrove's InferenceRunner against an external endpoint, with and without its checkpoints.

It runs in this process, without an executor: nothing is spent on logs, statistics and process pools.
To `localhost` and `127.0.0.1` it speaks through sockets of its own, its fastest path, which gives the job up
at the first 429 or 500. To any other host it goes through the openai SDK, which retries. `--path sdk`
therefore spells the address 127.1, which is the same host to every resolver and another to its comparison.
max_concurrent_documents stays at its default, the number of requests: twice as many brought nothing.
"""

import sys
from pathlib import Path
from urllib.parse import urlsplit

import asking
from datatrove.data import Document
from datatrove.pipeline.inference.run_inference import InferenceConfig, InferenceRunner
from datatrove.pipeline.writers import JsonlWriter
from loguru import logger


async def rollout(document, generate):
    return await generate({"messages": [{"role": "user", "content": document.text}]})


def held(out: Path) -> int:
    """Count the rows in its output: what its user has, also after it died."""
    return sum(path.read_bytes().count(b"\n") for path in out.glob("*.jsonl"))


def main() -> int:
    args = asking.arguments(
        checkpoints={"choices": ["on", "off"], "default": "off"},
        path={"choices": ["raw", "sdk"], "default": "raw"},
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
        metric_interval=3600,
    )
    # checkpoints close a file for each chunk of 6,000 rows (its default), and ask for the chunk in the name
    on = args.checkpoints == "on"
    name = "${rank}_chunk_${chunk_index}.jsonl" if on else "${rank}.jsonl"
    runner = InferenceRunner(
        rollout_fn=rollout,
        config=config,
        output_writer=JsonlWriter(str(args.out / "output"), output_filename=name, compression=None),
        checkpoints_local_dir=str(args.out / "checkpoints") if on else None,
    )
    documents = (Document(text=text, id=str(n)) for n, text in asking.prompts(args.prompts, args.rows))
    error = None
    try:
        runner.run(documents)
    except Exception as raised:  # noqa: BLE001 whatever ends its job is a result of the benchmark
        error = f"{type(raised).__name__}: {raised}"[:200]
    asking.report(held(args.out / "output"), "datatrove", "openai", "httpx", "aiosqlite", error=error)
    return 1 if error else 0


if __name__ == "__main__":
    sys.exit(main())
