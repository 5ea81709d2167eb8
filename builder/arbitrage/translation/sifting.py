"""Translated prompts are looked at as read ones are: for near-duplicates, and for items of evaluation sets."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from arbitrage.prompts.contamination import Items, SetCounts, contaminated
from arbitrage.prompts.ingest import pinned_sets
from arbitrage.prompts.near import near_duplicates
from arbitrage.recipe.model import Recipe

# Both look at tables of these names, which are there for good only while prompts are read.
TABLES = """
CREATE TEMP TABLE queue (n INTEGER PRIMARY KEY, source INTEGER, id TEXT, language TEXT, source_id TEXT);
CREATE TEMP TABLE staged (source INTEGER, id TEXT PRIMARY KEY, messages TEXT);
CREATE TEMP TABLE gone (source_id TEXT PRIMARY KEY) WITHOUT ROWID;
"""
READ = """
INSERT INTO queue SELECT NULL, 0, id, language, language || ':' || source_id FROM main.prompt
WHERE language IN (SELECT DISTINCT language FROM fresh) ORDER BY n
"""
FRESH = """
INSERT INTO queue SELECT NULL, 1, id, language, {source} FROM fresh
ORDER BY place_of(source_id), source_id, language, id
"""

Tell = Callable[[str], None]


class Removed(NamedTuple):
    """A translated prompt that goes, and why."""

    id: str
    language: str
    split: str
    why: str


def sift(
    connection: sqlite3.Connection,
    recipe: Recipe,
    folder: Path,
    pins: Mapping[int, str],
    place: Callable[[str], float],
    held: Mapping[str, SetCounts],
    log: Tell,
) -> Iterator[Removed]:
    """Take out of `fresh` what the recipe does not want, and yield it; count items of evaluation sets in `held`.

    A translation that says nearly what a prompt in its language says goes: whatever was read stays, and of two
    translations the first in hash order. One that holds an item goes, where the recipe says `remove`, with all other
    translations of its source; the original was looked at itself.
    """
    connection.create_function("place_of", 1, place, deterministic=True)
    if recipe.near_duplicates is not None:
        _stage(connection, READ, FRESH.format(source="language || ':' || source_id"))
        for key, why in near_duplicates(connection, recipe.near_duplicates):
            connection.execute("INSERT OR IGNORE INTO gone VALUES (?)", (key,))
            log(f"translations of {key.partition(':')[2]} into {key.partition(':')[0]} go: {why}")
        yield from _take(connection, "near_duplicate", "language || ':' || source_id")
    if recipe.contamination:
        _stage(connection, FRESH.format(source="source_id"))
        sets = pinned_sets(recipe, pins)
        items = Items(sets, folder, [SetCounts() for _ in sets])
        for source_id in contaminated(connection, items, sets, [held[one.name] for one in sets], log):
            if recipe.contamination_action == "remove":
                connection.execute("INSERT OR IGNORE INTO gone VALUES (?)", (source_id,))
        yield from _take(connection, "contaminated", "source_id")


def _stage(connection: sqlite3.Connection, *fills: str) -> None:
    for statement in TABLES.strip().splitlines():
        connection.execute(statement)
    for fill in fills:
        connection.execute(fill)
    connection.execute("INSERT INTO staged SELECT 1, id, messages FROM fresh")
    connection.execute(
        "INSERT OR IGNORE INTO staged SELECT 0, p.id, p.messages FROM main.prompt p JOIN queue q ON q.id = p.id"
    )


def _take(connection: sqlite3.Connection, why: str, key: str) -> list[Removed]:
    """Take what is gone out of `fresh`, and the tables away."""
    gone = f"FROM fresh WHERE {key} IN (SELECT source_id FROM gone)"
    rows = connection.execute(f"SELECT id, language, split {gone} ORDER BY id").fetchall()
    found = [Removed(prompt, language, split, why) for prompt, language, split in rows]
    connection.execute(f"DELETE {gone}")
    for table in ("queue", "staged", "gone"):
        connection.execute(f"DROP TABLE temp.{table}")
    return found
