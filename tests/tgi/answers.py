"""What the double says: a function of what it was asked, a recording, or nothing."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tgi.refusal import Refusal
from tgi.rules import Plan
from tgi.tokens import count_tokens, cut


@dataclass(frozen=True, slots=True)
class Question:
    """What an answer may depend on."""

    model_id: str
    prompt: str
    """The last user message, or the inputs of a native request."""
    key: str
    seed: int | None
    """None where the request does not sample or names no seed."""


Answers = Callable[[Question], str | None]
"""None means that there is no answer, which TGI reports as a failed generation."""


@dataclass(slots=True)
class Answer:
    """A finished generation."""

    text: str
    tokens: int
    """Generated tokens, the end-of-sequence token included."""
    finish_reason: str
    seed: int | None
    """What TGI reports: the seed of a request that samples, which it chooses when none was asked for."""


def key_of(prompt: str) -> str:
    """Return the key of a prompt: the SHA-256 of its text."""
    return sha256(prompt.encode()).hexdigest()


def echo(question: Question) -> str:
    """Answer with something that names the model, the seed and the prompt, and nothing else."""
    mark = key_of(f"{question.model_id}\n{question.key}\n{question.seed}")[:12]
    return f"{question.model_id} says {mark} to: {question.prompt[:200]}"


def recorded(recordings: Mapping[str, str]) -> Answers:
    """Answer from a mapping of prompt keys (see `key_of`) to completions."""
    return lambda question: recordings.get(question.key)


def replay(path: Path) -> Answers:
    """Answer from a JSONL file of {"prompt": ..., "completion": ...}; the last of several rows counts."""
    recordings = {}
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            recordings[key_of(row["prompt"])] = row["completion"]
    return recorded(recordings)


def finish(text: str, plan: Plan, key: str) -> Answer:
    """Stop a text where TGI would: at a stop sequence, which stays in it, or when the budget is used up."""
    seed = None
    if plan.samples:
        seed = int(key[:15], 16) if plan.seed is None else plan.seed
    stop = [text.index(sequence) + len(sequence) for sequence in plan.parameters.get("stop") or () if sequence in text]
    stopped = text[: min(stop)] if stop else text
    tokens = count_tokens(stopped)
    if tokens > plan.budget or (tokens == plan.budget and not stop):
        return Answer(cut(stopped, plan.budget), plan.budget, "length", seed)
    if stop:
        return Answer(stopped, tokens, "stop_sequence", seed)
    return Answer(stopped, tokens + 1, "eos_token", seed)


def no_recording() -> Refusal:
    """Return how a prompt without a recording is answered."""
    return Refusal.of("generation", "this double has no recorded completion for the prompt")
