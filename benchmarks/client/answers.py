"""What the stand-in teacher says: a function of the request, in the shapes of OpenAI's route and of TGI's."""

import hashlib
import json

ONSETS = "ba de fi go ku la me ni po ru sa te vi wo zu ya".split()
CODAS = "ban dor fel gim hus jar kel lom mir nat pol ras sim tun vor zen".split()
WORDS = [onset + coda for onset in ONSETS for coda in CODAS]
TOKENS = 32


def text_of(prompt: str) -> str:
    """Return 32 words, about 190 characters, picked by the bytes of the prompt's hash."""
    return " ".join([WORDS[byte] for byte in hashlib.sha256(prompt.encode()).digest()]) + "."


def usage_of(prompt: str) -> dict[str, int]:
    tokens = 1 + len(prompt) // 4
    return {"prompt_tokens": tokens, "completion_tokens": TOKENS, "total_tokens": tokens + TOKENS}


def chat(body: dict) -> tuple[str, bytes]:
    """Answer POST /v1/chat/completions; return the prompt beside the answer."""
    prompt = body["messages"][-1]["content"]
    message = {"role": "assistant", "content": text_of(prompt)}
    answer = {
        "id": "chatcmpl-0",
        "object": "chat.completion",
        "created": 0,
        "model": body.get("model", "tgi"),
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": usage_of(prompt),
    }
    return prompt, json.dumps(answer).encode()


def generate(body: dict) -> tuple[str, bytes]:
    """Answer POST /generate; TGI leaves `details` out unless they are asked for."""
    prompt = body["inputs"]
    parameters = body.get("parameters") or {}
    answer: dict = {"generated_text": text_of(prompt)}
    if parameters.get("details"):
        answer["details"] = {
            "finish_reason": "eos_token",
            "generated_tokens": TOKENS,
            "seed": parameters.get("seed"),
            "prefill": [],
            "tokens": [],
        }
    return prompt, json.dumps(answer).encode()


def error(text: str, kind: str) -> bytes:
    """Render an error as TGI does."""
    return json.dumps({"error": text, "error_type": kind}).encode()


OVERLOADED = error("Model is overloaded", "overloaded")
INCOMPLETE = error("Incomplete generation", "incomplete_generation")


def info(model: str, max_concurrent_requests: int) -> bytes:
    """Answer GET /info."""
    return json.dumps(
        {
            "model_id": model,
            "model_sha": hashlib.sha1(model.encode(), usedforsecurity=False).hexdigest(),
            "model_pipeline_tag": "text-generation",
            "max_concurrent_requests": max_concurrent_requests,
            "max_best_of": 2,
            "max_stop_sequences": 4,
            "max_input_tokens": 4095,
            "max_total_tokens": 4096,
            "validation_workers": 2,
            "max_client_batch_size": 4,
            "router": "text-generation-router",
            "version": "3.3.6",
            "sha": None,
            "docker_label": None,
        }
    ).encode()


def models(model: str) -> bytes:
    """Answer GET /v1/models."""
    entry = {"id": model, "object": "model", "created": 0, "owned_by": model, "max_model_len": 4096}
    return json.dumps({"object": "list", "data": [entry]}).encode()
