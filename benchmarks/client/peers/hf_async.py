"""huggingface_hub's AsyncInferenceClient under as many workers, with the retry that it leaves to its user.

Its default connection pool is kept: four other limits were tried (none, 64, 128, 1000) and none was faster.
"""

import asyncio
import json

import asking
from huggingface_hub import AsyncInferenceClient
from huggingface_hub.errors import HfHubHTTPError


async def worker(client, queue, out) -> int:
    done = 0
    for number, prompt in queue:
        messages = [{"role": "user", "content": prompt}]
        for attempt in range(asking.ATTEMPTS):
            try:
                answer = await client.chat_completion(messages, model=asking.MODEL, **asking.SAMPLING)
            except HfHubHTTPError as error:
                if error.response.status_code not in (429, 500):
                    raise
                await asyncio.sleep(asking.backoff(attempt))
                continue
            text = answer.choices[0].message.content
            out.write(json.dumps({"id": number, "completion": text}) + "\n")
            done += 1
            break
    return done


async def main() -> None:
    args = asking.arguments()
    (url,), (concurrency,) = args.url, args.concurrency
    queue = asking.prompts(args.prompts, args.rows)
    # one client for all workers: it keeps one connection pool
    async with AsyncInferenceClient(base_url=url) as client:
        with (args.out / "completions.jsonl").open("w") as out:
            done = sum(await asyncio.gather(*(worker(client, queue, out) for _ in range(concurrency))))
    asking.report(done, "huggingface_hub", "httpx2")


if __name__ == "__main__":
    asyncio.run(main())
