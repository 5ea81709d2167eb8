"""Doubles of servers of reward models: vLLM with `--runner pooling`, and text-embeddings-inference (TEI).

    with scoring.serve(scoring.Vllm("org/reward")) as double:
        double.url
        double.log                     # every request for a score: `Request`
        double.next.append(503)        # the status of the next answer
        double.score(text)             # the raw output for a conversation as `Vllm.text` writes it

They refuse what the originals refuse, and fields that the originals would pass over. Taken from vLLM 0.32
(`entrypoints/pooling`, and what it answered) and TEI (`router/src/http/{types,server}.rs`).
"""

import asyncio
import hashlib
import json
import math
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Request:
    """A request for a score."""

    route: str
    body: dict[str, Any]
    text: str
    """What was to be scored."""
    status: int


class Refused(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers or {}


@dataclass
class Double:
    """What both have: a model, a log, and failures on demand."""

    model: str
    longest: int = 10_000
    """Words that a text may have."""
    key: str | None = None
    delay: float = 0.0
    counts: bool = True
    """Whether it says how many tokens, here words, it was sent."""
    next: deque[int | str] = field(default_factory=deque)
    """Statuses of the next answers, or bodies that are sent with status 200 as they are."""
    most: int = 0
    """Requests at once beyond which it is overloaded; 0 for any number."""
    log: list[Request] = field(default_factory=list)
    url: str = ""
    in_flight: int = 0

    @staticmethod
    def score(text: str) -> float:
        """Return the raw output for a text: from -4 to 4, half of the digits of a float."""
        return round(int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") / 2**29 - 4, 5)

    def routes(self) -> dict[str, Any]:
        """Return handlers by path."""
        raise NotImplementedError

    def overloaded(self) -> Refused:
        """Return how it says that it has too much to do."""
        raise NotImplementedError

    async def answer(self, request: web.Request) -> web.Response:
        """Answer anything."""
        handler = self.routes().get(request.path)
        try:
            if handler is None:
                raise Refused(404, {"detail": "Not Found"})
            body = None
            if request.method == "POST":
                try:
                    body = json.loads(await request.read())
                except ValueError:
                    raise Refused(400, {"error": {"message": "JSON decode error", "code": 400}}) from None
            if self.key and request.headers.get("Authorization") != f"Bearer {self.key}":
                raise Refused(401, {"error": "Unauthorized"})
            found = handler(body)
            if asyncio.iscoroutine(found):
                found = await found
            if isinstance(found, web.Response):
                return found
            return web.json_response(found)
        except Refused as refused:
            return web.json_response(refused.body, status=refused.status, headers=refused.headers)

    async def scored(self, route: str, body: dict[str, Any], text: str, success: Any) -> Any:
        """Answer a request for a score, or fail as was demanded."""
        self.in_flight += 1
        try:
            if self.most and self.in_flight > self.most:
                self.log.append(Request(route, body, text, 429))
                raise self.overloaded()
            await asyncio.sleep(self.delay)
            wanted = self.next.popleft() if self.next else 200
            self.log.append(Request(route, body, text, wanted if isinstance(wanted, int) else 200))
            if isinstance(wanted, str):
                return json.loads(wanted)
            if wanted != 200:
                raise Refused(wanted, {"error": "as demanded", "error_type": "Backend"})
            return success
        finally:
            self.in_flight -= 1


@dataclass
class Vllm(Double):
    """vLLM; `pooling` False plays a server that has only `/classify`."""

    pooling: bool = True
    FIELDS: ClassVar[set[str]] = {"model", "messages", "input", "use_activation", "add_generation_prompt"}

    def routes(self) -> dict[str, Any]:
        routes: dict[str, Any] = {
            "/v1/models": lambda _: {"object": "list", "data": [{"id": self.model, "root": self.model}]},
            "/classify": self.classify,
        }
        return {**routes, "/pooling": self.pool} if self.pooling else routes

    def overloaded(self) -> Refused:
        return Refused(503, {"error": {"message": "overloaded", "type": "ServiceUnavailable", "code": 503}})

    @staticmethod
    def text(messages: list[dict[str, str]]) -> str:
        return "".join(f"<{turn['role']}>{turn['content']}" for turn in messages)

    def _checked(self, body: Any) -> str:
        if not isinstance(body, dict) or "messages" not in body:
            raise self._bad("2 validation errors: {'type': 'missing', 'loc': 'body.messages'}")
        if unknown := set(body) - self.FIELDS:
            raise self._bad(f"unknown fields {sorted(unknown)}")
        if body.get("model") != self.model:
            message = f"The model `{body.get('model')}` does not exist."
            raise Refused(404, {"error": {"message": message, "type": "NotFoundError", "param": None, "code": 404}})
        turns = body["messages"]
        if not all(set(turn) == {"role", "content"} and isinstance(turn["content"], str) for turn in turns):
            raise self._bad("a message is not role and content")
        text = self.text(turns)
        if len(text.split()) > self.longest:
            raise self._bad(
                f"This model's maximum context length is {self.longest} tokens. However, your prompt contains at least "
                f"{self.longest + 1} input tokens, which exceeds this limit even without any output tokens. Please "
                "reduce the length of the input prompt. (parameter=input_tokens, value=513)"
            )
        return text

    @staticmethod
    def _bad(message: str) -> Refused:
        error = {"message": message, "type": "BadRequestError", "param": None, "code": 400}
        return Refused(400, {"error": error})

    async def pool(self, body: Any) -> Any:
        text = self._checked(body)
        raw = self.score(text)
        value = raw if body.get("use_activation") is False else _sigmoid(raw)
        data = [{"index": 0, "object": "pooling", "data": [value]}]
        return await self.scored("/pooling", body, text, {"object": "list", "data": data, **self._usage(text)})

    def _usage(self, text: str) -> dict[str, Any]:
        words = len(text.split())
        return {"usage": {"prompt_tokens": words, "total_tokens": words, "completion_tokens": 0}} if self.counts else {}

    async def classify(self, body: Any) -> Any:
        text = self._checked(body)
        data = {"index": 0, "label": "LABEL_0", "probs": [_sigmoid(self.score(text))], "num_classes": 1}
        return await self.scored("/classify", body, text, {"object": "list", "data": [data], **self._usage(text)})


@dataclass
class Tei(Double):
    """text-embeddings-inference with a model of one label."""

    sha: str | None = "c" * 40
    labels: tuple[str, ...] = ("LABEL_0",)
    concurrent: int = 512

    def routes(self) -> dict[str, Any]:
        return {"/info": lambda _: self.info(), "/tokenize": lambda _: [[]], "/predict": self.predict}

    def overloaded(self) -> Refused:
        return Refused(429, {"error": "Model is overloaded", "error_type": "Overloaded"})

    def info(self) -> dict[str, Any]:
        labels = {"id2label": dict(enumerate(self.labels)), "label2id": {n: i for i, n in enumerate(self.labels)}}
        return {
            "model_id": self.model,
            "model_sha": self.sha,
            "model_dtype": "float16",
            "model_type": {"reranker" if len(self.labels) == 1 else "classifier": labels},
            "max_concurrent_requests": self.concurrent,
            "max_input_length": self.longest,
            "auto_truncate": True,
            "version": "1.8.2",
        }

    async def predict(self, body: Any) -> Any:
        if not isinstance(body, dict) or set(body) - {"inputs", "truncate", "raw_scores"} or "inputs" not in body:
            raise Refused(422, {"error": "Failed to deserialize the JSON body", "error_type": "Validation"})
        inputs = body["inputs"]
        texts = [inputs] if isinstance(inputs, str) else inputs
        if not 1 <= len(texts) <= 2 or not all(isinstance(text, str) for text in texts):
            raise Refused(422, {"error": "a string or a pair of strings", "error_type": "Validation"})
        text = "\n<sep>\n".join(texts)
        words = len(text.split())
        if words > self.longest and not body.get("truncate", True):
            error = f"Input validation error: `inputs` must have less than {self.longest} tokens. Given: {words}"
            raise Refused(413, {"error": error, "error_type": "Validation"})
        raw = self.score(text)
        value = raw if body.get("raw_scores") else _sigmoid(raw)
        found = await self.scored("/predict", body, text, [{"score": value, "label": self.labels[0]}])
        return web.json_response(found, headers={"x-compute-tokens": str(words)} if self.counts else {})


def _sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


@contextmanager
def serve(*doubles: Double) -> Iterator[Any]:
    """Serve doubles in a thread, each on a free port of its own; yield the one, or all."""
    loop, started, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def run() -> None:
        runners = []
        for double in doubles:
            server = web.Server(double.answer, access_log=None)
            runner = web.ServerRunner(server)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0, backlog=512)
            await site.start()
            double.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[union-attr]
            runners.append(runner)
        started.set()
        await stop.wait()
        for runner in runners:
            await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), daemon=True)
    thread.start()
    started.wait(10)
    try:
        yield doubles[0] if len(doubles) == 1 else doubles
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
