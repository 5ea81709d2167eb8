"""What two texts can share: runs of words, or of characters where a script puts no spaces between words."""

import hashlib
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

from arbitrage.checks.scripts import UNSPACED, script_of

PRIME = (1 << 61) - 1
BASE = 0x9E3779B97F4A7C15 % PRIME
MOST_CHARACTERS = 200_000
"""Characters of a text that are compared: what one long text costs is bounded."""


def tokens(text: str) -> tuple[list[str], float]:
    """Return a text's words without case, punctuation and symbols; and which share of them is single characters.

    A character of a script without spaces is a word of its own.
    """
    found: list[str] = []
    word: list[str] = []
    single = 0
    # The two i of Turkish are one, since lowering what was raised does not bring them back.
    folded = unicodedata.normalize("NFKC", text[:MOST_CHARACTERS]).casefold().replace("ı", "i").replace("\u0307", "")
    for character in folded:
        kind = _kind(character)
        if kind == "word":
            word.append(character)
            continue
        if word:
            found.append("".join(word))
            word.clear()
        if kind == "single":
            found.append(character)
            single += 1
    if word:
        found.append("".join(word))
    return found, single / len(found) if found else 0.0


def shingles(words: Sequence[str], size: int) -> Iterator[int]:
    """Yield the hash of each run of `size` words, in order; of a shorter text, that of the whole."""
    if not words:
        return
    size = min(size, len(words))
    first = pow(BASE, size - 1, PRIME)
    hashes = [_hash(word) for word in words]
    rolling = 0
    for position, value in enumerate(hashes):
        if position >= size:
            rolling = (rolling - hashes[position - size] * first) % PRIME
        rolling = (rolling * BASE + value) % PRIME
        if position >= size - 1:
            yield rolling


@lru_cache(maxsize=20_000)
def _kind(character: str) -> str:
    if character.isalnum() or unicodedata.category(character)[0] == "M":
        return "single" if script_of(character) in UNSPACED else "word"
    return "space"


@lru_cache(maxsize=100_000)
def _hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8"), digest_size=8).digest(), "big") % PRIME
