"""From sources to the store's prompts: filtered, sampled, freed of duplicates, split and put in hash order."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from arbitrage.errors import PromptError
from arbitrage.identity import content_id, prompt_id, rng
from arbitrage.prompts.contamination import Items, SetCounts, contaminated
from arbitrage.prompts.fingerprint import Pinned, fingerprint
from arbitrage.prompts.near import near_duplicates
from arbitrage.prompts.read import BadRow, read_rows
from arbitrage.recipe.model import EvaluationSet, PromptSource, Recipe
from arbitrage.store.store import Store
from arbitrage.store.translations import drop_translated

STAGED = """
CREATE TABLE staged (
    source INTEGER NOT NULL,
    id TEXT NOT NULL,
    language TEXT NOT NULL,
    source_id TEXT NOT NULL,
    place REAL NOT NULL,
    messages TEXT NOT NULL,
    columns TEXT NOT NULL,
    PRIMARY KEY (source, id)
)
"""
NAMED_ROWS = 20
"""Unreadable rows that are kept by name; the log has them all."""

Tell = Callable[[str], None]


@dataclass(slots=True)
class SourceCounts:
    """What became of the rows of one prompt source."""

    read: int = 0
    unreadable: int = 0
    other_language: int = 0
    duplicates: int = 0
    not_sampled: int = 0
    near_duplicates: int = 0
    contaminated: int = 0
    """Removed for it; none where the recipe has it reported alone."""
    kept: int = 0


@dataclass(slots=True)
class Ingested:
    """The prompts of a run: counts a source, the revisions that Hub sources were read at, what was unreadable."""

    sources: list[SourceCounts] = field(default_factory=list)
    pins: dict[int, str] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    evaluation_sets: dict[str, SetCounts] = field(default_factory=dict)
    """What of the sets named under `contamination:` was found in prompts."""
    evaluation_pins: dict[int, str] = field(default_factory=dict)


def ingest(store: Store, recipe: Recipe, folder: Path, tell: Tell, log: Tell) -> Ingested:
    """Make the store's prompts those of the recipe; where nothing has changed, nothing is read again.

    All or nothing: an interrupted reading leaves the prompts as they were. A Hub source stays at the commit that
    this run read first, until its `revision:` is changed. Every unreadable row is named to `log`, the first to
    `tell` too.

    Raises:
        PromptError: a source cannot be read, or no prompt is left.
    """
    kept = store.get("prompts")
    commits: dict[str, str] = dict(kept["commits"]) if kept else {}
    sources = [*recipe.prompts, *(one.source for one in recipe.contamination)]
    pinned = [fingerprint(source, folder, commits.get(_address(source))) for source in sources]
    commits |= {_address(s): p.revision for s, p in zip(sources, pinned, strict=True) if p.revision}
    key = _key(recipe, pinned)
    if kept and kept["key"] == key:
        return _from_json(kept["ingested"])
    own = len(recipe.prompts)
    ingested = Ingested(pins={n: pin.revision for n, pin in enumerate(pinned[:own]) if pin.revision})
    ingested.evaluation_pins = {n: pin.revision for n, pin in enumerate(pinned[own:]) if pin.revision}
    with store.transaction() as connection:
        connection.execute(STAGED)
        for n, source in enumerate(recipe.prompts):
            tell(f"reading {source.path}")
            log(f"reading {source.path}")
            pin = pinned[n].revision
            counts = SourceCounts()
            ingested.sources.append(counts)
            _stage(connection, recipe, n, folder, pin, counts, ingested.unreadable, tell, log)
            if source.sample is not None:
                counts.not_sampled = _sample(connection, n, source.sample)
        _queue(connection, ingested.sources)
        if recipe.near_duplicates is not None:
            tell("looking for near-duplicate prompts")
            _leave(connection, near_duplicates(connection, recipe.near_duplicates), log)
            _count(connection, ingested.sources, "near_duplicates")
        if recipe.contamination:
            _check_contamination(connection, recipe, folder, ingested, tell, log)
        _number(connection, recipe)
        for table in ("staged", "queue", "gone"):
            connection.execute(f"DROP TABLE {table}")
        if not any(counts.kept for counts in ingested.sources):
            raise PromptError(_nothing_left(recipe, ingested))
        connection.execute(
            "INSERT OR REPLACE INTO meta VALUES ('prompts', ?)",
            (json.dumps({"key": key, "ingested": asdict(ingested), "commits": commits}),),
        )
    return ingested


def _stage(
    connection: sqlite3.Connection,
    recipe: Recipe,
    n: int,
    folder: Path,
    pin: str | None,
    counts: SourceCounts,
    unreadable: list[str],
    tell: Tell,
    log: Tell,
) -> None:
    source = recipe.prompts[n] if pin is None else recipe.prompts[n].model_copy(update={"revision": pin})
    languages = set(recipe.languages)
    for row in read_rows(source, folder):
        counts.read += 1
        if isinstance(row, BadRow):
            counts.unreadable += 1
            named = f"{row.where}: {row.why}"
            log(f"unreadable: {named}")
            if len(unreadable) < NAMED_ROWS:
                unreadable.append(named)
                tell(f"unreadable: {named}")
            continue
        if row.language not in languages:
            counts.other_language += 1
            continue
        identity = prompt_id(row.language, row.messages)
        source_id = identity if row.source_id is None else row.source_id
        place = place_of(recipe.seed, source_id)
        columns = json.dumps(row.columns, ensure_ascii=False, separators=(",", ":"))
        messages = json.dumps(row.messages, ensure_ascii=False, separators=(",", ":"))
        changed = connection.execute(
            "INSERT OR IGNORE INTO staged VALUES (?, ?, ?, ?, ?, ?, ?)",
            (n, identity, row.language, source_id, place, messages, columns),
        ).rowcount
        counts.duplicates += 1 - changed
    if counts.unreadable:
        tell(f"{source.path}: {counts.unreadable} of {counts.read} rows are unreadable; run.log names them all")


def place_of(seed: int, source_id: str) -> float:
    """Return where a source stands in hash order."""
    return rng(seed, "sample", source_id).random()


def _sample(connection: sqlite3.Connection, n: int, sample: int) -> int:
    """Keep the first `sample` sources in hash order; return how many prompts went."""
    return connection.execute(
        "DELETE FROM staged WHERE source = ? AND source_id NOT IN (SELECT source_id FROM "
        "(SELECT DISTINCT source_id, place FROM staged WHERE source = ? ORDER BY place, source_id LIMIT ?))",
        (n, n, sample),
    ).rowcount


def _queue(connection: sqlite3.Connection, sources: list[SourceCounts]) -> None:
    """Put what is staged in hash order of sources; a prompt of two sources belongs to the first."""
    connection.execute(
        "CREATE TEMP TABLE queue (n INTEGER PRIMARY KEY, source INTEGER, id TEXT, language TEXT, source_id TEXT)"
    )
    connection.execute("CREATE TEMP TABLE gone (source_id TEXT PRIMARY KEY) WITHOUT ROWID")
    connection.execute(
        "INSERT INTO queue SELECT NULL, source, id, language, source_id FROM staged s "
        "WHERE NOT EXISTS (SELECT 1 FROM staged e WHERE e.id = s.id AND e.source < s.source) "
        "ORDER BY place, source_id, language, id"
    )
    for n, counts in enumerate(sources):
        (staged,) = connection.execute("SELECT count(*) FROM staged WHERE source = ?", (n,)).fetchone()
        counts.kept = connection.execute("SELECT count(*) FROM queue WHERE source = ?", (n,)).fetchone()[0]
        counts.duplicates += staged - counts.kept


def _leave(connection: sqlite3.Connection, going: Iterable[tuple[str, str]], log: Tell) -> None:
    for source_id, why in going:
        log(f"source {source_id} goes: {why}")
        connection.execute("INSERT INTO gone VALUES (?)", (source_id,))


def _count(connection: sqlite3.Connection, sources: list[SourceCounts], fate: str) -> None:
    """Take the sources that go out of the queue, with all their translations, and count their prompts."""
    rows = connection.execute(
        "SELECT source, count(*) FROM queue WHERE source_id IN (SELECT source_id FROM gone) GROUP BY source"
    )
    for n, prompts in rows.fetchall():
        setattr(sources[n], fate, prompts)
        sources[n].kept -= prompts
    connection.execute("DELETE FROM queue WHERE source_id IN (SELECT source_id FROM gone)")


def _check_contamination(
    connection: sqlite3.Connection, recipe: Recipe, folder: Path, ingested: Ingested, tell: Tell, log: Tell
) -> None:
    sets = pinned_sets(recipe, ingested.evaluation_pins)
    tell(f"looking for items of {', '.join(one.name for one in sets)} in prompts")
    counts = [SetCounts() for _ in sets]
    items = Items(sets, folder, counts)
    for source_id in contaminated(connection, items, sets, counts, log):
        if recipe.contamination_action == "remove":
            connection.execute("INSERT OR IGNORE INTO gone VALUES (?)", (source_id,))
    _count(connection, ingested.sources, "contaminated")
    ingested.evaluation_sets = {one.name: count for one, count in zip(sets, counts, strict=True)}


def pinned_sets(recipe: Recipe, pins: Mapping[int, str]) -> list[EvaluationSet]:
    """Return the recipe's evaluation sets, each at the revision that this run first read."""
    return [
        one.model_copy(update={"revision": pins[n]}) if n in pins else one for n, one in enumerate(recipe.contamination)
    ]


def _number(connection: sqlite3.Connection, recipe: Recipe) -> None:
    """Fill the prompt table, without a gap in its numbers."""
    connection.create_function("split_of", 1, lambda source_id: _split(recipe, source_id), deterministic=True)
    drop_translated(connection)
    connection.execute("DELETE FROM prompt")
    connection.execute(
        "INSERT INTO prompt SELECT NULL, q.id, q.language, split_of(q.source_id), q.source_id, s.messages, s.columns "
        "FROM queue q JOIN staged s ON s.source = q.source AND s.id = q.id ORDER BY q.n"
    )


def _split(recipe: Recipe, source_id: str) -> str:
    return "test" if rng(recipe.seed, "split", source_id).random() < recipe.test else "train"


def _key(recipe: Recipe, pinned: list[Pinned]) -> str:
    # Prompts that older versions read without these keys are still what they would be.
    filters: dict[str, Any] = {"near_duplicates": recipe.near_duplicates} if recipe.near_duplicates else {}
    if recipe.contamination:
        filters["contamination"] = [one.model_dump(mode="json") for one in recipe.contamination]
        filters["action"] = recipe.contamination_action
    return content_id(
        "prompts",
        **filters,
        fingerprints=[pin.fingerprint for pin in pinned],
        samples=[source.sample for source in recipe.prompts],
        languages=sorted(recipe.languages),
        test=recipe.test,
        seed=recipe.seed,
    )


def _address(source: PromptSource) -> str:
    return f"{source.path}@{source.revision or ''}"


def _nothing_left(recipe: Recipe, ingested: Ingested) -> str:
    lines = [
        f"  {source.path}: {counts.read} read, {counts.unreadable} unreadable, "
        f"{counts.other_language} in other languages, {counts.near_duplicates} near-duplicates, "
        f"{counts.contaminated} contaminated"
        for source, counts in zip(recipe.prompts, ingested.sources, strict=True)
    ]
    examples = [f"  {line}" for line in ingested.unreadable[:5]]
    return "\n".join(["prompts: none is left; check columns: and languages:", *lines, *examples])


def _from_json(data: dict[str, Any]) -> Ingested:
    return Ingested(
        sources=[SourceCounts(**counts) for counts in data["sources"]],
        pins={int(n): pin for n, pin in data["pins"].items()},
        unreadable=data["unreadable"],
        evaluation_sets={name: SetCounts(**counts) for name, counts in data.get("evaluation_sets", {}).items()},
        evaluation_pins={int(n): pin for n, pin in data.get("evaluation_pins", {}).items()},
    )
