"""What goes over the wire: the four request shapes, and what a success looks like in each.

Sources: TGI 3.3 `router/src/{server,validation}.rs`; the OpenAI chat and completions reference as vLLM,
SGLang, llama.cpp and TGI answer it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from arbitrage.recipe.model import Sampling, Teacher
from arbitrage.records import Message
from arbitrage.teachers.failure import Failed, Kind
from arbitrage.teachers.reasoning import part

FINISH = {"eos_token": "stop", "stop_sequence": "stop"}
"""TGI's words for what the OpenAI protocol calls stop."""


class Reply(NamedTuple):
    """A successful answer, in the same words for every protocol."""

    text: str
    reasoning: str | None
    finish_reason: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    tokens_from: str | None


class Request(NamedTuple):
    """A path under the endpoint and the JSON body that goes there."""

    path: str
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wire:
    """How to talk to one teacher."""

    teacher: Teacher
    sampling: Sampling
    is_tgi: bool
    """Whether TGI answers, be it through `api: openai`: it refuses `top_p: 1.0` (422), while vLLM, where it is
    left out, takes the model's own default instead of 1.0."""

    def messages(self, language: str, messages: Sequence[Message]) -> list[Message]:
        """Return the turns to send."""
        system = system_of(self.teacher, language, messages)
        return list(messages) if system is None else [{"role": "system", "content": system}, *messages]

    def request(self, language: str, messages: Sequence[Message], seed: int) -> Request:
        """Return the request for one completion."""
        turns = self.messages(language, messages)
        if self.teacher.format == "chat":
            body = {"model": self._name, "messages": turns, **self._openai_sampling(), "seed": seed}
            return Request(self._v1("chat/completions"), self._with_extra(body))
        text = "\n\n".join(turn["content"] for turn in turns)
        if self.teacher.api == "tgi":
            parameters = {**self._native_sampling(), "seed": seed, "details": True}
            return Request("/generate", {"inputs": text, "parameters": self._with_extra(parameters)})
        body = {"model": self._name, "prompt": text, **self._openai_sampling(), "seed": seed}
        return Request(self._v1("completions"), self._with_extra(body))

    @property
    def _name(self) -> str:
        return self.teacher.served_as or self.teacher.model

    def _v1(self, route: str) -> str:
        return f"/v1/{route}" if self.teacher.api == "tgi" else f"/{route}"

    def _with_extra(self, body: dict[str, Any]) -> dict[str, Any]:
        """Merge `extra:`; a null there takes a key out, for servers that refuse it."""
        return {key: value for key, value in {**body, **self.teacher.extra}.items() if value is not None}

    def _openai_sampling(self) -> dict[str, Any]:
        sampling = self.sampling
        body: dict[str, Any] = {"max_tokens": sampling.max_tokens, "temperature": sampling.temperature}
        if sampling.top_p < 1.0 or not self.is_tgi:
            body["top_p"] = sampling.top_p
        if sampling.stop:
            body["stop"] = sampling.stop
        return body

    def _native_sampling(self) -> dict[str, Any]:
        sampling = self.sampling
        body: dict[str, Any] = {"max_new_tokens": sampling.max_tokens, "do_sample": sampling.temperature > 0}
        if sampling.temperature > 0:
            body["temperature"] = sampling.temperature
            if sampling.top_p < 1.0:
                body["top_p"] = sampling.top_p
        if sampling.stop:
            body["stop"] = sampling.stop
        return body


def system_of(teacher: Teacher, language: str, messages: Sequence[Message]) -> str | None:
    """Return the system prompt to add: a prompt's own system turn wins over the teacher's."""
    return None if messages[0]["role"] == "system" else teacher.system.get(language)


def read_reply(body: object, headers: Mapping[str, str]) -> Reply:
    """Read a success of any of the four routes.

    Raises:
        Failed: of kind protocol, saying what is missing.
    """
    try:
        native = isinstance(body, Mapping) and "generated_text" in body
        return _read_native(body, headers) if native else _read_openai(body)
    except (LookupError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise Failed(
            Kind.PROTOCOL, f"the answer lacks what this api answers ({type(error).__name__}: {error})"
        ) from None


def _read_openai(body: Any) -> Reply:
    choice = body["choices"][0]
    message = choice["message"] if "message" in choice else {"content": choice["text"]}
    field = message.get("reasoning_content") or message.get("reasoning")
    # Some servers leave out what is null, and an answer that is all reasoning has null here.
    content = message.get("content") if field else message["content"]
    usage = body.get("usage") or {}
    prompt_tokens, completion_tokens = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    counted = prompt_tokens is not None or completion_tokens is not None
    return reply_of(
        content,
        field,
        choice.get("finish_reason"),
        prompt_tokens,
        completion_tokens,
        "usage" if counted else None,
    )


def _read_native(body: Any, headers: Mapping[str, str]) -> Reply:
    details = body.get("details") or {}
    completion_tokens = _count(details.get("generated_tokens"))
    header = headers.get("x-prompt-tokens", "")
    prompt_tokens = _count(int(header)) if header.isascii() and header.isdigit() and len(header) < 20 else None
    source = "details" if completion_tokens is not None else None
    return reply_of(
        body["generated_text"], None, details.get("finish_reason"), prompt_tokens, completion_tokens, source
    )


def reply_of(
    text: object,
    field: object,
    finish: object,
    prompt_tokens: int | None,
    completion_tokens: int | None,
    source: str | None,
) -> Reply:
    """Return an answer in the same words for every protocol, its reasoning apart.

    Raises:
        TypeError: it holds something other than text.
    """
    if not isinstance(text, str | None) or not isinstance(field, str | None):
        raise TypeError(f"content is {type(text).__name__}")
    parted = part(_well_formed(text or ""), _well_formed(field) if field else None)
    finish_reason = FINISH.get(str(finish), _well_formed(str(finish))[:40]) if finish is not None else None
    if parted.unfinished and finish_reason != "length":
        finish_reason = "unfinished_reasoning"
    return Reply(parted.text, parted.reasoning, finish_reason, prompt_tokens, completion_tokens, source)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else None


def _well_formed(text: str) -> str:
    """Replace lone surrogates, which no UTF-8 can carry, as a decoder would: by U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
