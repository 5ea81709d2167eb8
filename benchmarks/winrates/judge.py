"""A scripted judge behind HTTP, whose biases are known: `judge.py PLANTED.json`.

An OpenAI-compatible chat endpoint that is asked by the rubric of arbitrage_eval. PLANTED has `judges`, by name the
liking for the first place and for length in log odds; `unparsable`, the share of verdicts that cannot be read; and
`answers`, by `key`, each with its quality and, but for the baseline's, the standard deviation by which its length
counts. The address is the first line of the output; `/asked` says how much was asked, and how much more than once.
"""

import hashlib
import json
import math
import re
import socket
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from aiohttp import web

MATERIAL = re.compile(
    r"^([0-9A-F]{16}) CONVERSATION\n(.*?)\n\1 FIRST ANSWER\n(.*?)\n\1 SECOND ANSWER\n(.*?)\n\1 END$",
    re.DOTALL | re.MULTILINE,
)
THOUGHTS = (
    "The first answer keeps closer to what was asked.",
    "The second answer says it with more detail, though not all of it was wanted.",
    "Both are written in the language of the question.",
    "What is said of the facts seems right in one and doubtful in the other, as far as I can tell.",
    "Neither is dangerous.",
)
BYTES_A_TOKEN = 4
"""In UTF-8, so that scripts differ in tokens a character, as they do for a real tokenizer."""


class Reading(NamedTuple):
    """What a judge makes of two answers."""

    word: str | None
    """`first` or `second`; None where what it writes cannot be read."""
    chance: float
    """How likely it was to choose the first."""


def reading(planted: Mapping[str, Any], judge: str, conversation: str, first: str, second: str) -> Reading:
    """Return a judge's reading, the same each time; in both orders it has the same mind.

    Raises:
        KeyError: nothing is planted for one of the answers.
    """
    place, liking = planted["judges"][judge]
    (quality, own), (other, scale) = (planted["answers"][key(conversation, text)] for text in (first, second))
    longer = math.tanh((len(first) - len(second)) / (scale if own is None else own))
    chance = 1 / (1 + math.exp(other - quality - liking * longer - place))
    if own is None:
        word = "second" if draw(judge, conversation, second, first) < 1 - chance else "first"
    else:
        word = "first" if draw(judge, conversation, first, second) < chance else "second"
    unread = draw("unread", judge, conversation, first, second) < planted["unparsable"]
    return Reading(None if unread else word, chance)


def key(conversation: str, answer: str) -> str:
    """Return the name under which an answer's quality is planted."""
    return hashlib.sha256(json.dumps([conversation, answer]).encode()).hexdigest()


def draw(*what: str) -> float:
    """Return a number from 0 to 1 that follows from texts."""
    return int(hashlib.sha256(json.dumps(what).encode()).hexdigest()[:13], 16) / 16**13


def says(judge: str, asked: str, word: str | None) -> str:
    """Return what a judge writes: one to twelve sentences, and the verdict, if it can be read, in the last line."""
    thoughts = [THOUGHTS[n % len(THOUGHTS)] for n in range(1 + int(12 * draw("thoughts", judge, asked)))]
    return " ".join(thoughts) + (f"\n\nVERDICT: {word.upper()}" if word else "\n\nI cannot decide.")


def tokens(text: str) -> int:
    """Return how many tokens a text is said to be."""
    return math.ceil(len(text.encode("utf-8")) / BYTES_A_TOKEN)


def application(planted: Mapping[str, Any]) -> web.Application:
    """Return the endpoint."""
    times: Counter[tuple[str, str]] = Counter()

    async def models(_: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": f"scripted/{x}"} for x in planted["judges"]]})

    async def chat(request: web.Request) -> web.Response:
        body = await request.json()
        if "messages" not in body:
            return web.json_response({"error": {"message": "there are no messages in this"}}, status=400)
        judge, asked = body["model"].removeprefix("scripted/"), body["messages"][-1]["content"]
        times[judge, hashlib.sha256(asked.encode()).hexdigest()] += 1
        found = MATERIAL.search(asked)
        try:
            word = reading(planted, judge, *found.groups()[1:]).word if found else None
        except KeyError as error:
            return web.json_response({"error": {"message": f"nothing is planted for {error}"}}, status=400)
        said = says(judge, asked, word)
        choice = {"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}
        usage = {"prompt_tokens": tokens(asked), "completion_tokens": tokens(said)}
        return web.json_response(
            {"object": "chat.completion", "model": body["model"], "choices": [choice], "usage": usage}
        )

    async def asked(_: web.Request) -> web.Response:
        return web.json_response({"requests": times.total(), "again": times.total() - len(times)})

    app = web.Application(client_max_size=2**24)
    app.router.add_get("/v1/models", models)
    app.router.add_post("/v1/chat/completions", chat)
    app.router.add_get("/asked", asked)
    return app


def main() -> None:
    """Serve on a free port of this machine."""
    planted = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    listening = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    web.run_app(application(planted), sock=listening, print=None)


if __name__ == "__main__":
    main()
