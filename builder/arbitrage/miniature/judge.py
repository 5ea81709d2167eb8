"""The judge: a chat endpoint that marks an answer by a rubric, or says which of two answers is better.

What it says follows from how likely its own language model, tuned on its own annotators' preferences, finds the
answers: good, not perfect, and to whoever asks a chat model like any other.
"""

import math
import re
import socket
import sys
from pathlib import Path

from aiohttp import web

from arbitrage.miniature.implicit import ImplicitReward

MODEL = "miniature-judge"
MATERIAL = re.compile(r"^([0-9A-F]{16}) CONVERSATION\n(.*?)\n\1 ANSWER\n(.*?)\n\1 END$", re.DOTALL | re.MULTILINE)
"""What the rubric of this package sets between lines that nothing that is judged can hold."""
PAIR = re.compile(
    r"^([0-9A-F]{16}) CONVERSATION\n(.*?)\n\1 FIRST ANSWER\n(.*?)\n\1 SECOND ANSWER\n(.*?)\n\1 END$",
    re.DOTALL | re.MULTILINE,
)
"""The same of the rubric for two answers."""
LOW, HIGH = 1, 10


def serve(folder: Path) -> None:
    """Serve the judge of a world on a free port of this machine; its address is the first line of the output."""
    judge = ImplicitReward(str(folder / "judge"))

    async def models(_: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": MODEL, "object": "model"}]})

    async def chat(request: web.Request) -> web.Response:
        try:
            asked = str((await request.json())["messages"][-1]["content"])
        except (ValueError, LookupError, TypeError):
            return web.json_response({"error": {"message": "there are no messages in this"}}, status=400)
        said = verdict(judge, asked)
        message = {"role": "assistant", "content": said}
        usage = {"prompt_tokens": judge.tokens(asked), "completion_tokens": judge.tokens(said)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return web.json_response({"object": "chat.completion", "model": MODEL, "choices": [choice], "usage": usage})

    listening = socket.create_server(("127.0.0.1", 0))
    app = web.Application()
    app.router.add_get("/v1/models", models)
    app.router.add_post("/v1/chat/completions", chat)
    verdict(judge, "")  # the model is loaded before anybody is told where it is
    sys.stdout.write(f"http://127.0.0.1:{listening.getsockname()[1]}/v1\n")
    sys.stdout.flush()
    web.run_app(app, sock=listening, print=None)


def verdict(judge: ImplicitReward, asked: str) -> str:
    """Return what the judge says, its mark or the better answer in the last line; neither, where it is shown none."""
    if pair := PAIR.search(asked):
        first, second = (math.exp(judge.score(pair[2], answer)) for answer in (pair[3], pair[4]))
        better = "TIE" if first == second else "FIRST" if first > second else "SECOND"
        return f"The words of the answers are as likely as {first:.2f} and {second:.2f}.\nVERDICT: {better}"
    found = MATERIAL.search(asked)
    if found is None:
        return "There is no answer to judge here."
    likelihood = math.exp(judge.score(found[2], found[3]))
    mark = round(LOW + (HIGH - LOW) * likelihood)
    return f"The words of this answer are as likely as {likelihood:.2f}.\nSCORE: {mark}"
