"""Near-duplicate prompts: candidates by MinHash, the bands in a temporary table, every decision by exact overlap.

Broder, "On the resemblance and containment of documents" (1997); banding as in Leskovec, Rajaraman and Ullman,
"Mining of Massive Datasets", chapter 3.
"""

import json
import sqlite3
import struct
import zlib
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

from arbitrage.prompts.shingles import shingles, tokens

PERMUTATIONS = 128
SEED = 1
WORDS, CHARACTERS = 2, 4
"""Words of a shingle, and characters where there are no spaces: prompts are short."""
MOST_SHINGLES = 5_000
"""Of a prompt; what one long prompt costs is bounded."""
CROWD, FIRST = 16, 3
"""Prompts of a band that are compared with one another, and with how many first ones any later one is compared: a
template that thousands share puts them all into some bands."""
PAGE = 1000

CROWDS = """
CREATE TEMP TABLE crowd AS SELECT hash, n, place FROM
(SELECT hash, n, row_number() OVER (PARTITION BY hash ORDER BY n) AS place,
        count(*) OVER (PARTITION BY hash) AS members FROM band) WHERE members > 1
"""
PAIRS = """
SELECT q.source_id, q.id, q.n, e.source_id, e.id, e.n FROM
(SELECT DISTINCT b.n AS later, a.n AS earlier FROM crowd a JOIN crowd b ON a.hash = b.hash AND a.place < b.place
 WHERE b.place <= ? OR a.place <= ?)
JOIN queue q ON q.n = later JOIN queue e ON e.n = earlier
WHERE q.source_id <> e.source_id AND q.language = e.language ORDER BY later, earlier
"""


def near_duplicates(connection: sqlite3.Connection, threshold: float) -> Iterator[tuple[str, str]]:
    """Yield each source of `queue` that says nearly what an earlier one says that stays, and why.

    A source goes, with all its translations, when the shingles of one of its prompts are at least the share
    `threshold` the same (Jaccard) as those of a prompt in the same language of a source before it that stays.
    So what stays has no near-duplicate in another source, and none can be in train and test at once. The caller
    keeps what is yielded in `gone`.
    """
    connection.execute("CREATE TEMP TABLE band (hash INTEGER NOT NULL, n INTEGER NOT NULL)")
    for page in _pages(connection):
        connection.executemany("INSERT INTO band VALUES (?, ?)", _bands(page, threshold))
    connection.execute(CROWDS)
    connection.execute("CREATE INDEX temp.crowd_by_hash ON crowd (hash, place)")

    @lru_cache(maxsize=2048)
    def of(n: int) -> frozenset[int]:
        (messages,) = connection.execute(
            "SELECT s.messages FROM queue q JOIN staged s ON s.source = q.source AND s.id = q.id WHERE q.n = ?", (n,)
        ).fetchone()
        return _shingles(messages)

    for source, prompt, n, stays, other, earlier in connection.execute(PAIRS, (CROWD, FIRST)):
        if connection.execute("SELECT 1 FROM gone WHERE source_id IN (?, ?)", (source, stays)).fetchone():
            continue
        shared = jaccard(of(n), of(earlier))
        if shared >= threshold:
            yield source, f"near-duplicate: prompt {prompt} is {shared:.0%} the same as {other} of source {stays}"
    for table in ("band", "crowd"):
        connection.execute(f"DROP TABLE temp.{table}")


def jaccard(one: frozenset[int], other: frozenset[int]) -> float:
    """Return the share of all shingles that two texts share."""
    return len(one & other) / (len(one | other) or 1)


def _pages(connection: sqlite3.Connection) -> Iterator[list[tuple[int, str, str]]]:
    rows = connection.execute(
        "SELECT q.n, q.language, s.messages FROM queue q JOIN staged s ON s.source = q.source AND s.id = q.id "
        "ORDER BY q.n"
    )
    while page := rows.fetchmany(PAGE):
        yield page


def _bands(page: list[tuple[int, str, str]], threshold: float) -> Iterator[tuple[int, int]]:
    import rensa

    # Of prompts that share just the threshold, 98 % or more have a band in common.
    rows = 5 if threshold >= 0.8 else 4
    sets = [[*map(str, _shingles(messages)), language] for _, language, messages in page]
    digests = rensa.RMinHash.digests_from_token_sets(sets, num_perm=PERMUTATIONS, seed=SEED)
    for (n, _, _), digest in zip(page, digests, strict=True):
        for band in range(PERMUTATIONS // rows):
            part = struct.pack(f"<{rows}I", *digest[band * rows : (band + 1) * rows])
            yield band << 32 | zlib.crc32(part), n


def _shingles(messages: str) -> frozenset[int]:
    words, single = tokens(said(messages))
    return frozenset(islice(shingles(words, CHARACTERS if single > 0.5 else WORDS), MOST_SHINGLES))


def said(messages: str) -> str:
    """Return all that the turns of a staged prompt say."""
    return "\n".join(turn["content"] for turn in json.loads(messages))
