"""A run's memory: prompts, asks, completions, scores, in one SQLite file on a local disk."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from arbitrage.errors import StoreError
from arbitrage.records import Prompt
from arbitrage.store.connect import connect, explain
from arbitrage.store.files import refuse_network_filesystem
from arbitrage.store.schema import check_version, migrate

PAGE = 500
"""Rows read at a time: enough to make SQLite's cost per row small, few enough to forget."""


class NumberedPrompt(NamedTuple):
    """A prompt and its place in hash order."""

    n: int
    prompt: Prompt


class PendingAsk(NamedTuple):
    """An ask that has no outcome yet."""

    prompt: NumberedPrompt
    draw: int
    completion_id: str | None


class Store:
    """The store of one run; open it with `open_store`."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self.connection = connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write all or nothing.

        Raises:
            StoreError: the store cannot be written; nothing of the transaction stays.
        """
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
            except BaseException:
                # SQLite itself rolls back where, for one, the disk is full.
                if self.connection.in_transaction:
                    self.connection.execute("ROLLBACK")
                raise
            self.connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise explain(error, self.path) from error

    def get(self, key: str) -> Any:
        """Return the JSON value kept under a key, or None."""
        row = self.connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return json.loads(row[0]) if row else None

    def keep(self, key: str, value: Any) -> None:
        """Keep a JSON value under a key."""
        with self.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json.dumps(value, sort_keys=True)))

    # Prompts

    def last_of_sources(self, limit: int | None) -> int:
        """Return the highest prompt number among the first `limit` sources, or of all."""
        if limit is None:
            row = self.connection.execute("SELECT max(n) FROM prompt").fetchone()
            return int(row[0] or 0)
        row = self.connection.execute(
            "SELECT max(last) FROM (SELECT max(n) AS last FROM prompt GROUP BY source_id ORDER BY min(n) LIMIT ?)",
            (limit,),
        ).fetchone()
        return int(row[0] or 0)

    def prompts(self, last: int) -> Iterator[list[NumberedPrompt]]:
        """Yield pages of the prompts numbered up to `last`, in hash order."""
        n = 0
        while True:
            rows = self.connection.execute(
                "SELECT n, id, language, split, source_id, messages, columns FROM prompt "
                "WHERE n > ? AND n <= ? ORDER BY n LIMIT ?",
                (n, last, PAGE),
            ).fetchall()
            if not rows:
                return
            n = rows[-1][0]
            yield [prompt_of_row(row) for row in rows]

    def prompts_of(self, language: str, split: str, last: int) -> Iterator[list[NumberedPrompt]]:
        """Yield pages of one language's prompts of one split, in id order."""
        after = ""
        while True:
            rows = self.connection.execute(
                "SELECT n, id, language, split, source_id, messages, columns FROM prompt "
                "WHERE language = ? AND split = ? AND id > ? AND n <= ? ORDER BY id LIMIT ?",
                (language, split, after, last, PAGE),
            ).fetchall()
            if not rows:
                return
            after = rows[-1][1]
            yield [prompt_of_row(row) for row in rows]

    def sources(self, language: str, split: str, last: int) -> Iterator[str]:
        """Yield the sources that have a prompt in a language and split, each once."""
        rows = self.connection.execute(
            "SELECT DISTINCT source_id FROM prompt WHERE language = ? AND split = ? AND n <= ?", (language, split, last)
        )
        yield from (row[0] for row in rows)

    def prompts_of_sources(self, language: str, split: str, last: int, sources: Sequence[str]) -> list[NumberedPrompt]:
        """Return the prompts of some sources in one language and split, in id order."""
        marks = ",".join("?" * len(sources))
        rows = self.connection.execute(
            "SELECT n, id, language, split, source_id, messages, columns FROM prompt "
            f"WHERE language = ? AND split = ? AND n <= ? AND source_id IN ({marks}) ORDER BY id",
            (language, split, last, *sources),
        )
        return [prompt_of_row(row) for row in rows]

    def prompts_beginning(self, prompt_id: str) -> list[NumberedPrompt]:
        """Return the prompts whose ids begin so, two at most."""
        rows = self.connection.execute(
            "SELECT n, id, language, split, source_id, messages, columns FROM prompt "
            "WHERE id >= ? AND id < ? || 'g' ORDER BY id LIMIT 2",
            (prompt_id, prompt_id),
        ).fetchall()
        return [prompt_of_row(row) for row in rows]

    # Asks

    def forget_asks(self) -> None:
        """Drop the plan of the last build; outcomes stay."""
        with self.transaction() as connection:
            connection.execute("DELETE FROM ask")

    def plan(self, asks: Iterable[tuple[str, int, int, str | None]]) -> int:
        """Add (teacher, prompt number, draw, completion id) to the plan; return how many were new."""
        with self.transaction() as connection:
            before = connection.total_changes
            connection.executemany("INSERT OR IGNORE INTO ask VALUES (?, ?, ?, ?)", asks)
            return connection.total_changes - before

    def asked_teachers(self) -> set[str]:
        """Return the teachers that the plan asks anything."""
        return {row[0] for row in self.connection.execute("SELECT DISTINCT teacher FROM ask")}

    def pending(self, teacher: str, after: tuple[int, int], build: int) -> list[PendingAsk]:
        """Return the next page of a teacher's asks that have no outcome, behind (prompt number, draw)."""
        rows = self.connection.execute(
            "SELECT p.n, p.id, p.language, p.split, p.source_id, p.messages, p.columns, a.draw, a.completion_id "
            "FROM ask a JOIN prompt p ON p.n = a.prompt LEFT JOIN completion c ON c.id = a.completion_id "
            "WHERE a.teacher = ? AND (a.prompt, a.draw) > (?, ?) AND c.id IS NULL AND NOT EXISTS "
            "(SELECT 1 FROM failure f WHERE f.teacher = a.teacher AND f.prompt_id = p.id AND f.draw = a.draw "
            "AND f.build = ?) ORDER BY a.prompt, a.draw LIMIT ?",
            (teacher, *after, build, PAGE),
        ).fetchall()
        return [PendingAsk(prompt_of_row(row[:7]), row[7], row[8]) for row in rows]

    def stored(self, completion_ids: Sequence[str]) -> set[str]:
        """Return those of the ids that are in the store."""
        marks = ",".join("?" * len(completion_ids))
        rows = self.connection.execute(f"SELECT id FROM completion WHERE id IN ({marks})", list(completion_ids))
        return {row[0] for row in rows}

    def link(self, teacher: str, found: Iterable[tuple[PendingAsk, str]]) -> None:
        """Tell the plan which stored completions answer a teacher's asks."""
        with self.transaction() as connection:
            connection.executemany(
                "UPDATE ask SET completion_id = ? WHERE teacher = ? AND prompt = ? AND draw = ?",
                [(completion_id, teacher, ask.prompt.n, ask.draw) for ask, completion_id in found],
            )

    def give_up(self, teacher: str, kind: str, message: str, build: int) -> None:
        """Record a failure for every ask of a teacher that has no outcome."""
        with self.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO failure SELECT a.teacher, p.id, a.draw, ?, ?, ?, 0 "
                "FROM ask a JOIN prompt p ON p.n = a.prompt LEFT JOIN completion c ON c.id = a.completion_id "
                "WHERE a.teacher = ? AND c.id IS NULL AND NOT EXISTS (SELECT 1 FROM failure f "
                "WHERE f.teacher = a.teacher AND f.prompt_id = p.id AND f.draw = a.draw AND f.build = ?)",
                (build, kind, message, teacher, build),
            )

    # Identities

    def remember_revision(self, api: str, model: str, revision: str) -> None:
        """Keep who answered behind a model's endpoints."""
        with self.transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO identity VALUES (?, ?, ?)", (api, model, revision))

    def remembered_revision(self, api: str, model: str) -> str | None:
        """Return who answered last behind a model's endpoints."""
        row = self.connection.execute(
            "SELECT revision FROM identity WHERE api = ? AND model = ?", (api, model)
        ).fetchone()
        return row[0] if row else None


def prompt_of_row(row: Sequence[Any]) -> NumberedPrompt:
    """Read a row of (n, id, language, split, source_id, messages, columns)."""
    n, prompt_id, language, split, source_id, messages, columns = row
    return NumberedPrompt(n, Prompt(prompt_id, language, source_id, split, json.loads(messages), json.loads(columns)))


@contextmanager
def open_store(path: Path, *, read_only: bool = False) -> Iterator[Store]:
    """Open a run's store, making it where there is none.

    Raises:
        StoreError: it cannot be opened, lies on a network filesystem or is of a newer version.
    """
    if not read_only:
        refuse_network_filesystem(path.parent)
    elif not path.exists():
        raise StoreError(f"{path.parent}: no build has begun here; run `arbitrage build`, or say which --run you mean")
    try:
        connection = connect(path, read_only=read_only)
        try:
            if read_only:
                check_version(connection)
            else:
                migrate(connection)
            yield Store(path, connection)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise explain(error, path) from error
