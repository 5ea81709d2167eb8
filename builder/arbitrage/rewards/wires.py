"""Reward models behind vLLM and text-embeddings-inference.

Sources: vLLM 0.32 `entrypoints/pooling/{pooling,classify}/protocol.py`; TEI 1.8 `router/src/http/{server,types}.rs`.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from arbitrage.recipe.reward import Reward
from arbitrage.records import Message, Most, Prompt
from arbitrage.rewards.scored import TOO_LONG, Scored
from arbitrage.teachers.endpoint import Endpoint
from arbitrage.teachers.failure import FINAL, STOPS_TEACHER, Failed, Kind
from arbitrage.teachers.identity import NO_LIST, Who, check_models, check_revision, other_model
from arbitrage.teachers.wire import Request

TOO_MANY_TOKENS = re.compile(r"maximum context length|longer than the maximum|max_model_len")
"""What vLLM says, with status 400, of a text that is too long."""


class VllmWire:
    """vLLM with `--runner pooling`: `/pooling` gives the raw output, `/classify`, where that is all, a probability."""

    def __init__(self, config: Reward) -> None:
        assert config.model is not None
        self.model = config.model
        self.pinned = config.revision
        self._served_as = config.served_as or config.model
        self._route: str | None = None
        """None until a server was asked which of the two it has."""

    @property
    def template(self) -> str:
        """The model's own chat template, and what is made of its output."""
        return "chat:probability" if self._route == "/classify" else "chat:raw"

    @property
    def how(self) -> str:
        """How it scores, in a few words."""
        output = "probabilities (/classify)" if self._route == "/classify" else "raw output (/pooling)"
        return f"vLLM, the model's chat template, {output}"

    async def who(self, endpoint: Endpoint) -> Who:
        """Ask for the models that are served, then for the routes; requests without a text cost nothing.

        Raises:
            Failed: nobody answers, the token is not taken, or another model is served, or one that gives no scores.
        """
        try:
            check_models(self._served_as, await endpoint.get("/v1/models"))
        except Failed as failure:
            if failure.kind not in NO_LIST:
                raise
        for route in ("/pooling", "/classify"):
            try:
                await endpoint.post_free(route, {"model": self._served_as})
            except Failed as failure:
                if failure.kind is Kind.NOT_FOUND or "does not support" in failure.message:
                    continue
                if failure.kind in STOPS_TEACHER or failure.kind in (Kind.CONNECTION, Kind.TIMEOUT):
                    raise
            self._route = route
            return Who(None, False, None)
        raise Failed(Kind.NOT_FOUND, "has neither /pooling nor /classify; start vLLM with --runner pooling")

    def request(self, prompt: Prompt, completion: str) -> Request:
        """Return the request for one score."""
        body: dict[str, Any] = {"model": self._served_as, "messages": conversation(prompt, completion)}
        if self._route == "/classify":
            return Request("/classify", body)
        return Request("/pooling", {**body, "use_activation": False})

    def most(self, request: Request) -> Most:
        """Return that a request has at most as many tokens as bytes, and 64 of a template; nothing is written."""
        return Most(size_of(request), 0)

    def read(self, body: object, headers: Mapping[str, str]) -> Scored:
        """Read a success of either route.

        Raises:
            Failed: of kind protocol, saying what is missing.
        """
        try:
            (data,) = body["data"]  # type: ignore[index]
            found = data["probs"] if self._route == "/classify" else data["data"]
            while isinstance(found, list):
                (found,) = found
        except (LookupError, TypeError, ValueError) as error:
            raise Failed(Kind.PROTOCOL, f"the answer is not one number ({type(error).__name__}: {error})") from None
        return Scored(a_number(found), counted=_usage(body))

    def outcome(self, failure: Failed) -> Scored | None:
        """Return that this cannot be scored, where it is too long or refused for ever."""
        if failure.kind is Kind.BAD_REQUEST and TOO_MANY_TOKENS.search(failure.message):
            return Scored(None, TOO_LONG)
        return refused(failure)

    def memory(self) -> dict[str, Any]:
        """Return which route it has."""
        return {"route": self._route}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Take the route that it had."""
        self._route = memory.get("route")


class TeiWire:
    """text-embeddings-inference, which knows no chat templates: a pair of texts, or one by the recipe's template."""

    def __init__(self, config: Reward) -> None:
        assert config.model is not None
        self.model = config.model
        self.pinned = config.revision
        self._served_as = config.served_as or config.model
        self._text = config.template

    @property
    def template(self) -> str:
        """How the text is made, and what is made of the output."""
        return "pair:raw" if self._text is None else f"text:raw:{self._text}"

    @property
    def how(self) -> str:
        """How it scores, in a few words."""
        return f"TEI, {'a pair of texts' if self._text is None else 'a template of the recipe'}, raw output (/predict)"

    async def who(self, endpoint: Endpoint) -> Who:
        """Ask `/info`, and whether the token is taken.

        Raises:
            Failed: nobody answers, the token is not taken, or another model is served, or one that gives no score.
        """
        info = await endpoint.get("/info")
        if not isinstance(info, Mapping) or not isinstance(info.get("model_id"), str) or "model_type" not in info:
            raise Failed(Kind.IDENTITY, "/info is not TEI's; is this api: vllm?")
        if info["model_id"] not in (self._served_as, self.model):
            raise Failed(Kind.IDENTITY, other_model(self._served_as, [info["model_id"]]))
        kinds = info["model_type"] if isinstance(info["model_type"], Mapping) else {}
        labels = [kind["id2label"] for kind in kinds.values() if isinstance(kind, Mapping) and "id2label" in kind]
        if len(labels) != 1 or len(labels[0]) != 1:
            raise Failed(Kind.IDENTITY, f"serves {info['model_id'][:100]!r}, which has not one output")
        revision = check_revision(info.get("model_sha"), self.pinned)
        try:
            await endpoint.post_free("/tokenize", {"inputs": "a"})
        except Failed as failure:
            if failure.kind in STOPS_TEACHER:
                raise
        most = info.get("max_concurrent_requests")
        return Who(revision, False, most if isinstance(most, int) and most > 0 else None)

    def request(self, prompt: Prompt, completion: str) -> Request:
        """Return the request for one score; nothing is cut, so that no answer is scored by its beginning."""
        asked = asked_text(prompt.messages)
        inputs: str | list[str] = [asked, completion]
        if self._text is not None:
            parts = {"prompt": asked, "completion": completion}
            inputs = re.sub(r"\{(prompt|completion)\}", lambda match: parts[match[1]], self._text)
        return Request("/predict", {"inputs": inputs, "raw_scores": True, "truncate": False})

    def most(self, request: Request) -> Most:
        """Return that a request has at most as many tokens as bytes, and 64 of a template; nothing is written."""
        return Most(size_of(request), 0)

    def read(self, body: object, headers: Mapping[str, str]) -> Scored:
        """Read a success.

        Raises:
            Failed: of kind protocol, saying what is missing.
        """
        try:
            (prediction,) = list(body)  # type: ignore[call-overload]
            return Scored(a_number(prediction["score"]), counted=_nothing_written(headers.get("x-compute-tokens", "")))
        except (LookupError, TypeError, ValueError) as error:
            raise Failed(Kind.PROTOCOL, f"the answer is not one score ({type(error).__name__}: {error})") from None

    def outcome(self, failure: Failed) -> Scored | None:
        """Return that this cannot be scored, where it is too long or refused for ever."""
        if failure.kind is Kind.TOO_LARGE and "tokens" in failure.message:
            return Scored(None, TOO_LONG)
        return refused(failure)

    def memory(self) -> dict[str, Any]:
        """Return nothing: the recipe says it all."""
        return {}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Take nothing."""


def conversation(prompt: Prompt, completion: str) -> list[Message]:
    """Return the prompt's turns with the completion as the last."""
    turns = [Message(role=turn["role"], content=turn["content"]) for turn in prompt.messages]
    return [*turns, Message(role="assistant", content=completion)]


def asked_text(messages: object) -> str:
    """Return a prompt as one text: its only turn as it is, several with their roles."""
    turns: list[Message] = list(messages)  # type: ignore[call-overload]
    if len(turns) == 1:
        return turns[0]["content"]
    return "\n\n".join(f"{turn['role']}: {turn['content']}" for turn in turns)


def size_of(request: Request) -> int:
    """Return the most tokens of a request: its bytes, and 64 of a chat template."""
    return len(json.dumps(request.body, ensure_ascii=False).encode("utf-8")) + 64


def _usage(body: Any) -> tuple[int | None, int | None]:
    """Return the tokens that vLLM counted; it writes none where it scores."""
    usage = body.get("usage")
    counted = usage.get("prompt_tokens") if isinstance(usage, Mapping) else None
    return _nothing_written(str(counted))


def _nothing_written(counted: str) -> tuple[int | None, int | None]:
    is_count = counted.isascii() and counted.isdigit() and len(counted) < 19
    return (int(counted), 0) if is_count else (None, None)


def a_number(value: object) -> float:
    """Return a score that came over the wire.

    Raises:
        Failed: it is no finite number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Failed(Kind.PROTOCOL, f"the score is {str(value)[:40]!r}, no finite number")
    return float(value)


def refused(failure: Failed) -> Scored | None:
    """Return that the server will refuse this for ever, named by the kind of failure."""
    return Scored(None, failure.kind.value) if failure.kind in FINAL else None
