"""The shapes of good answers, field for field in TGI's order."""

from collections.abc import Iterator, Mapping
from time import monotonic, time
from typing import Any

from tgi.answers import Answer
from tgi.rules import Plan
from tgi.tokens import EOS, generated, pieces, prefill

VERSION = "3.3.6-dev0"
FINGERPRINT = f"{VERSION}-native"
COMPUTE_TYPE = "gpu+optimized"
Body = dict[str, Any]


def tokens_of(answer: Answer) -> list[dict[str, Any]]:
    """Return the generated tokens, the special one at the end included."""
    tokens = [generated(piece) for piece in pieces(answer.text)]
    return [*tokens, generated(EOS)] if answer.finish_reason == "eos_token" else tokens


def native(plan: Plan, answer: Answer, others: int = 0) -> Body:
    """Return the answer of `/generate`."""
    parameters = plan.parameters
    text = plan.inputs + answer.text if parameters.get("return_full_text") else answer.text
    body: Body = {"generated_text": text}
    if parameters.get("details") or parameters.get("decoder_input_details"):
        tokens = tokens_of(answer)
        sequence = {
            "finish_reason": answer.finish_reason,
            "generated_tokens": answer.tokens,
            "seed": answer.seed,
            "prefill": prefill(plan.inputs) if parameters.get("decoder_input_details") else [],
            "tokens": tokens,
        }
        details = dict(sequence)
        if others:
            details["best_of_sequences"] = [{"generated_text": text, **sequence}] * others
        if top_n := parameters.get("top_n_tokens"):
            details["top_tokens"] = [[token] * top_n for token in tokens]
        body["details"] = details
    return body


def headers_of(plan: Plan, answer: Answer, start: float) -> dict[str, str]:
    """Return the headers that TGI sets on a whole answer."""
    seconds = monotonic() - start
    milliseconds = str(int(seconds * 1000))
    return {
        "x-compute-type": COMPUTE_TYPE,
        "x-compute-time": str(seconds),
        "x-compute-characters": str(len(plan.inputs)),
        "x-total-time": milliseconds,
        "x-validation-time": "0",
        "x-queue-time": "0",
        "x-inference-time": milliseconds,
        "x-time-per-token": str(int(seconds * 1000 / max(answer.tokens, 1))),
        "x-prompt-tokens": str(plan.input_tokens),
        "x-generated-tokens": str(answer.tokens),
    }


def stream_headers_of(inputs: str) -> dict[str, str]:
    """Return the headers that TGI sets on a stream."""
    return {
        "content-type": "text/event-stream",
        "cache-control": "no-cache",
        "x-compute-type": COMPUTE_TYPE,
        "x-compute-characters": str(len(inputs)),
        "x-accel-buffering": "no",
    }


def finish_reason(answer: Answer) -> str:
    """Return the finish reason of the chat route; only the end of sequence gets OpenAI's name."""
    return "stop" if answer.finish_reason == "eos_token" else answer.finish_reason


def _usage(prompt_tokens: int, completion_tokens: int) -> Body:
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


def _envelope(kind: str, model: str) -> Body:
    return {
        "object": kind,
        "id": "",
        "created": int(time()),
        "model": model,
        "system_fingerprint": FINGERPRINT,
    }


def _logprobs(tokens: list[Any]) -> Body:
    return {"content": [{"token": token["text"], "logprob": token["logprob"], "top_logprobs": []} for token in tokens]}


def chat(plan: Plan, answer: Answer, model: str, request: Mapping[str, Any], tool: str | None) -> Body:
    """Return the answer of the chat route."""
    message: Body = {"role": "assistant", "content": answer.text}
    if tool is not None:
        function = {"description": None, "name": tool, "arguments": "{}"}
        message = {"role": "assistant", "tool_calls": [{"id": "0", "type": "function", "function": function}]}
    choice = {
        "index": 0,
        "message": message,
        "logprobs": _logprobs(tokens_of(answer)) if request.get("logprobs") else None,
        "finish_reason": finish_reason(answer),
    }
    return {
        **_envelope("chat.completion", model),
        "choices": [choice],
        "usage": _usage(plan.input_tokens, answer.tokens),
    }


def completions(done: list[tuple[Plan, Answer]], model: str) -> Body:
    """Return the answer of `/v1/completions`, one choice for every prompt."""
    choices = [
        {"index": index, "text": answer.text, "logprobs": None, "finish_reason": finish_reason(answer)}
        for index, (_, answer) in enumerate(done)
    ]
    usage = _usage(sum(plan.input_tokens for plan, _ in done), sum(answer.tokens for _, answer in done))
    return {**_envelope("text_completion", model), "choices": choices, "usage": usage}


def native_events(plan: Plan, answer: Answer) -> Iterator[Body]:
    """Yield the events of `/generate_stream`; the last carries the whole text."""
    tokens = tokens_of(answer)
    full = plan.inputs + answer.text if plan.parameters.get("return_full_text") else answer.text
    for index, token in enumerate(tokens, 1):
        last = index == len(tokens)
        details = None
        if last and plan.parameters.get("details"):
            details = {
                "finish_reason": answer.finish_reason,
                "generated_tokens": answer.tokens,
                "seed": answer.seed,
                "input_length": plan.input_tokens,
            }
        yield {"index": index, "token": token, "generated_text": full if last else None, "details": details}


def chat_events(plan: Plan, answer: Answer, model: str, request: Mapping[str, Any]) -> Iterator[Body]:
    """Yield the events of a streamed chat, before its [DONE]."""
    envelope = _envelope("chat.completion.chunk", model)
    tokens = tokens_of(answer)
    for index, token in enumerate(tokens, 1):
        choice = {
            "index": 0,
            "delta": {"role": "assistant", "content": "" if token["special"] else token["text"]},
            "logprobs": _logprobs([token]) if request.get("logprobs") else None,
            "finish_reason": finish_reason(answer) if index == len(tokens) else None,
        }
        yield {**envelope, "choices": [choice], "usage": None}
    if request.get("stream_options", {}).get("include_usage"):
        yield {**envelope, "choices": [], "usage": _usage(plan.input_tokens, answer.tokens)}


def completion_events(plan: Plan, answer: Answer, model: str, index: int) -> Iterator[Body]:
    """Yield the events of one prompt of a streamed completion; the finish reason keeps TGI's name here."""
    envelope = _envelope("text_completion", model)
    tokens = tokens_of(answer)
    for position, token in enumerate(tokens, 1):
        last = position == len(tokens)
        choice = {
            "index": index,
            "text": token["text"],
            "logprobs": None,
            "finish_reason": answer.finish_reason if last else "",
        }
        usage = {"usage": _usage(plan.input_tokens, answer.tokens)} if last else {}
        yield {**envelope, "choices": [choice], **usage}
