"""Who is who: content hashes that name prompts, completions and scores, and the only randomness there is.

Identities are functions of content, never of a URL, a nickname or the order in which answers came. That is
why a moved endpoint costs nothing and a changed system prompt costs exactly what it changes.
"""

import hashlib
import json
from collections.abc import Sequence
from random import Random
from typing import Any

from arbitrage.records import Message


def canonical_json(value: object) -> bytes:
    """Return the compact UTF-8 JSON of a value, keys in their given order, no Unicode normalisation.

    Raises:
        ValueError: the value holds a lone surrogate, NaN or an infinity, which JSON in UTF-8 cannot carry.
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8")


def sorted_json(value: object) -> bytes:
    """Return `canonical_json` with the keys of every object sorted."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, sort_keys=True).encode("utf-8")


def prompt_id(language: str, messages: Sequence[Message]) -> str:
    """Return the 32 hex digits that name a prompt: a hash of its language and its messages."""
    turns = [{"role": message["role"], "content": message["content"]} for message in messages]
    return hashlib.sha256(canonical_json([language, turns])).hexdigest()[:32]


def content_id(kind: str, **parts: Any) -> str:
    """Return the 32 hex digits that name a thing by everything that decides its content."""
    return hashlib.sha256(sorted_json([kind, parts])).hexdigest()[:32]


def rng(seed: int, purpose: str, name: str) -> Random:
    """Return the generator for one purpose and one prompt or source, so order never matters."""
    return Random(f"{seed}:{purpose}:{name}")


def preference_order(seed: int, prompt: str, teachers: Sequence[str]) -> list[str]:
    """Return teachers by falling sha256 of (seed, prompt id, teacher).

    A new teacher moves only the prompts it comes first in (rendezvous hashing): a tenth moves one in ten.
    """
    return sorted(
        teachers, key=lambda name: hashlib.sha256(canonical_json([seed, prompt, name])).digest(), reverse=True
    )


def sampling_seed(prompt: str, model: str, draw: int) -> int:
    """Return the seed sent with a request, in [0, 2**31): the range that every server takes."""
    return int.from_bytes(hashlib.sha256(canonical_json([prompt, model, draw])).digest()[:4], "big") >> 1
