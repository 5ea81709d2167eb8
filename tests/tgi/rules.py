"""What TGI accepts of what it could read: limits and sampling rules, in the order in which it checks them."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tgi.refusal import Refusal
from tgi.tokens import SIZE, count_tokens
from tgi.wire import loads

CHUNK = 1024
"""TGI generates at most this many tokens before it queues the same request again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits that `/info` publishes, and the three that it does not."""

    max_concurrent_requests: int = 128
    max_best_of: int = 2
    max_stop_sequences: int = 4
    max_input_tokens: int = 4095
    max_total_tokens: int = 4096
    max_client_batch_size: int = 4
    max_top_n_tokens: int = 5
    payload_limit: int = 2_000_000
    grammar: bool = True


@dataclass(slots=True)
class Plan:
    """A request that passed: what to generate."""

    inputs: str
    input_tokens: int
    budget: int
    """How many tokens may be generated."""
    seed: int | None
    """The seed asked for, where the request samples."""
    samples: bool
    parameters: Mapping[str, Any]


def single(value: float) -> float:
    """Round to single precision: 0.99999999 is 1.0 there, and so refused as `top_p`."""
    try:
        rounded: float = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")
    return rounded


def check_best_of(best_of: int, limits: Limits) -> None:
    """Refuse a `best_of` that this server does not serve."""
    if limits.max_best_of == 1 and best_of != 1:
        raise _invalid("`best_of` != 1 is not allowed for this endpoint")
    if best_of > limits.max_best_of:
        raise _invalid(f"`best_of` must be > 0 and <= {limits.max_best_of}. Given: {best_of}")


def plan(inputs: str, parameters: Mapping[str, Any], limits: Limits) -> Plan:
    """Check a request that could be read, or refuse it with error type `validation`."""
    get = parameters.get
    best_of, stop = get("best_of"), get("stop") or ()
    temperature, top_p, top_k, typical_p = get("temperature"), get("top_p"), get("top_k"), get("typical_p")
    warped = any(value is not None for value in (temperature, top_k, top_p, typical_p))
    samples = bool(get("do_sample")) or warped
    many = best_of is not None and best_of > 1
    if many and not samples:
        raise _invalid("you must use sampling when `best_of` is > 1")
    for name, value in (("temperature", temperature), ("repetition_penalty", get("repetition_penalty"))):
        if value is not None and single(value) <= 0:
            raise _invalid(f"`{name}` must be strictly positive")
    penalty = get("frequency_penalty")
    if penalty is not None and not -2 <= single(penalty) <= 2:
        raise _invalid("`frequency_penalty` must be >= -2.0 and <= 2.0")
    for name, value in (("top_p", top_p), ("typical_p", typical_p)):
        if value is not None and not 0 < single(value) < 1:
            raise _invalid(f"`{name}` must be > 0.0 and < 1.0")
    if top_k is not None and top_k <= 0:
        raise _invalid("`top_k` must be strictly positive")
    if get("max_new_tokens") == 0:
        raise _invalid("`max_new_tokens` must be strictly positive")
    if len(stop) > limits.max_stop_sequences:
        raise _invalid(f"`stop` supports up to {limits.max_stop_sequences} stop sequences. Given: {len(stop)}")
    if many and get("seed") is not None:
        raise _invalid("`seed` must not be set when `best_of` > 1")
    top_n = get("top_n_tokens")
    if top_n is not None and top_n > limits.max_top_n_tokens:
        raise _invalid(f"`top_n_tokens` must be >= 0 and <= {limits.max_top_n_tokens}. Given: {top_n}")
    if not inputs:
        raise _invalid("`inputs` cannot be empty")
    truncate = get("truncate")
    if truncate is not None:
        if not 0 < truncate <= limits.max_input_tokens:
            raise _invalid(
                f"`truncate` must be strictly positive and less than {limits.max_input_tokens}. Given: {truncate}"
            )
        # TGI keeps the end of the input.
        inputs = inputs[-truncate * SIZE :]
    input_tokens = count_tokens(inputs)
    _fits(input_tokens, get("max_new_tokens"), limits)
    if (grammar := get("grammar")) is not None:
        _check_grammar(grammar, limits)
    budget = _budget(input_tokens, get("max_new_tokens"), limits)
    return Plan(inputs, input_tokens, budget, get("seed") if samples else None, samples, parameters)


def _invalid(detail: str) -> Refusal:
    return Refusal.of("validation", detail)


def _fits(input_tokens: int, max_new_tokens: int | None, limits: Limits) -> int:
    """Return how many tokens TGI schedules first; only these count against the total."""
    left = max(limits.max_total_tokens - input_tokens, 0)
    chunk = min(left if max_new_tokens is None else max_new_tokens, CHUNK)
    if input_tokens + chunk > limits.max_total_tokens:
        raise _invalid(
            f"`inputs` tokens + `max_new_tokens` must be <= {limits.max_total_tokens}. "
            f"Given: {input_tokens} `inputs` tokens and {chunk} `max_new_tokens`"
        )
    if input_tokens > limits.max_input_tokens:
        raise _invalid(f"`inputs` must have less than {limits.max_input_tokens} tokens. Given: {input_tokens}")
    return chunk


def _budget(input_tokens: int, max_new_tokens: int | None, limits: Limits) -> int:
    """Return how many tokens an endless answer gets.

    TGI starts a request over with the text so far until it has as many tokens as were asked for, or until
    the next start would not be valid. So 1500 asked for become 2048 where the model has room.
    """
    wanted = limits.max_total_tokens - input_tokens if max_new_tokens is None else max_new_tokens
    done = 0
    while done < wanted:
        try:
            done += _fits(input_tokens + done, max_new_tokens, limits)
        except Refusal:
            break
    return done


def _check_grammar(grammar: Mapping[str, Any], limits: Limits) -> None:
    if not limits.grammar:
        raise _invalid("grammar is not supported")
    kind, schema = grammar["type"], grammar["value"]
    if kind == "regex":
        return
    if kind == "json_schema":
        schema = schema["schema"]
    elif isinstance(schema, str):
        try:
            schema = loads(schema.encode())
        except ValueError as error:
            raise _invalid(f"grammar is not valid: {error}") from None
    elif not isinstance(schema, dict):
        raise _invalid("grammar is not supported")
    if not isinstance(schema, dict) or "properties" not in schema:
        raise _invalid("grammar is not valid: Grammar must have a 'properties' field")
