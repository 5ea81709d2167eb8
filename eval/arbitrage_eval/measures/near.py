"""Which share of texts say nearly what an earlier one says, by the rules by which builds find such prompts."""

import importlib.metadata
import json
import sqlite3

from arbitrage.prompts.near import CHARACTERS, PERMUTATIONS, SEED, WORDS, near_duplicates

from arbitrage_eval.measures.signature import signature
from arbitrage_eval.measures.words import Text

THRESHOLD = 0.8
TABLES = """
CREATE TEMP TABLE staged (source INTEGER, id INTEGER, messages TEXT, PRIMARY KEY (source, id)) WITHOUT ROWID;
CREATE TEMP TABLE queue (n INTEGER PRIMARY KEY, source INTEGER, id INTEGER, language TEXT, source_id INTEGER);
CREATE TEMP TABLE gone (source_id INTEGER PRIMARY KEY);
"""


class NearDuplicates:
    """Near-duplicates among the texts of each of many groups; texts wait in a temporary file, not in memory."""

    def __init__(self, threshold: float = THRESHOLD) -> None:
        self._threshold = threshold
        # Without a name it is a file that goes when the connection does.
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.executescript(f"PRAGMA temp_store=FILE; PRAGMA cache_size=-8000; {TABLES} BEGIN;")
        self._count = 0

    def add(self, group: str, text: Text) -> None:
        """Take in a text of a group; one without a word is no duplicate of another, and not counted."""
        if not text.words:
            return
        self._count += 1
        n, said = self._count, json.dumps([{"content": text.text}])
        self._connection.execute("INSERT INTO staged VALUES (0, ?, ?)", (n, said))
        self._connection.execute("INSERT INTO queue VALUES (?, 0, ?, ?, ?)", (n, n, group, n))

    def shares(self) -> dict[str, float]:
        """Return the share of each group's texts that are near-duplicates of an earlier one that is none."""
        for going, _ in near_duplicates(self._connection, self._threshold):
            self._connection.execute("INSERT INTO gone VALUES (?)", (going,))
        shares = self._connection.execute(
            "SELECT language, avg(n IN (SELECT source_id FROM gone)) FROM queue GROUP BY language ORDER BY language"
        )
        found = dict(shares.fetchall())
        self._connection.execute("DELETE FROM gone")
        return found

    def signature(self, language: str) -> str:
        """Return how the shares of a language were computed."""
        return signature(
            "near_duplicates",
            1,
            language,
            jaccard=f">={self._threshold:g}",
            shingles=f"{WORDS}words/{CHARACTERS}characters",
            minhash=f"{PERMUTATIONS}permutations",
            seed=SEED,
            rensa=importlib.metadata.version("rensa"),
        )
