"""The least a client can do: workers over one aiohttp session, answers appended to a file, nothing durable.

CPU above this script's is what a client adds. After a kill there is no resuming: all is asked again.
"""

import asyncio
import json

import aiohttp
import asking


async def worker(session, url, queue, out) -> int:
    done = 0
    for (
        number,
        prompt,
    ) in queue:  # one iterator shared by the workers: a queue without locks, as asyncio has one thread
        messages = [{"role": "user", "content": prompt}]
        body = {"model": asking.MODEL, "messages": messages, **asking.SAMPLING}
        for attempt in range(asking.ATTEMPTS):
            async with session.post(f"{url}/v1/chat/completions", json=body) as response:
                if response.status == 200:
                    answer = await response.json()
                    text = answer["choices"][0]["message"]["content"]
                    out.write(json.dumps({"id": number, "completion": text}) + "\n")
                    done += 1
                    break
                await response.read()
            await asyncio.sleep(asking.backoff(attempt))
    return done


async def teacher(url: str, concurrency: int, args) -> int:
    queue = asking.prompts(args.prompts, args.rows)
    connector = aiohttp.TCPConnector(limit=0)  # the workers are the limit
    path = args.out / f"{url.rsplit(':', 1)[1]}.jsonl"
    async with aiohttp.ClientSession(connector=connector) as session:
        with path.open("w") as out:
            workers = [worker(session, url, queue, out) for _ in range(concurrency)]
            return sum(await asyncio.gather(*workers))


async def main() -> None:
    args = asking.arguments()
    teachers = [teacher(url, n, args) for url, n in zip(args.url, args.concurrency, strict=True)]
    asking.report(sum(await asyncio.gather(*teachers)), "aiohttp")


if __name__ == "__main__":
    asyncio.run(main())
