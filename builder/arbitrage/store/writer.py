"""The one thread that makes completions durable, in batches."""

import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import astuple, fields
from pathlib import Path

from arbitrage.errors import StoreError
from arbitrage.records import Completion, Failure
from arbitrage.store.connect import connect, explain

BATCH_ROWS = 128
BATCH_SECONDS = 1.0
"""A batch is committed when it has that many rows or its first row is that old."""
MAX_BACKLOG = 2 * BATCH_ROWS
"""Rows that may wait for the disk, one batch being committed and one filling: what a kill can cost beyond the
requests in flight. Asking pauses at that many."""

INSERT_COMPLETION = f"INSERT OR IGNORE INTO completion VALUES ({', '.join('?' * len(fields(Completion)))})"
LINK_ASK = """UPDATE ask SET completion_id = ? WHERE teacher = ? AND draw = ? AND completion_id IS NOT ?
              AND prompt = (SELECT n FROM prompt WHERE id = ?)"""
INSERT_FAILURE = "INSERT OR REPLACE INTO failure VALUES (?, ?, ?, ?, ?, ?, ?)"

Record = tuple[str, Completion] | Failure


class Writer:
    """Takes (teacher, completion) pairs and failures, and commits them within a second."""

    def __init__(self, path: Path, build: int, on_commit: Callable[[], None], on_error: Callable[[], None]) -> None:
        self._path = path
        self._build = build
        self._on_commit = on_commit
        self._on_error = on_error
        self._queue: queue.SimpleQueue[Record | None] = queue.SimpleQueue()
        self._error: Exception | None = None
        self.committed = 0
        """Rows that are durable."""
        self._accepted = 0
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    @property
    def backlog(self) -> int:
        """Rows that are not durable yet."""
        return self._accepted - self.committed

    def put(self, record: Record) -> None:
        """Hand over a record; it is durable at most a second later.

        Raises:
            StoreError: the store cannot be written any more.
        """
        if self._error:
            raise self._error
        self._accepted += 1
        self._queue.put(record)

    def close(self) -> None:
        """Commit what was handed over and stop.

        Raises:
            StoreError: the store could not be written.
        """
        self._queue.put(None)
        self._thread.join()
        if self._error:
            raise self._error

    def _run(self) -> None:
        try:
            connection = connect(self._path)
            try:
                while self._commit_batch(connection):
                    pass
            finally:
                connection.close()
        except sqlite3.Error as error:
            self._fail(explain(error, self._path))
        except Exception as error:  # noqa: BLE001 - a thread that died in silence would leave everybody waiting
            self._fail(StoreError(f"{self._path}: a row could not be written: {error!r}"))

    def _fail(self, error: Exception) -> None:
        self._error = error
        self._on_error()

    def _commit_batch(self, connection: sqlite3.Connection) -> bool:
        first = self._queue.get()
        if first is None:
            return False
        batch: list[Record] = [first]
        more = True
        end = time.monotonic() + BATCH_SECONDS
        while len(batch) < BATCH_ROWS:
            try:
                record = self._queue.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                break
            if record is None:
                more = False
                break
            batch.append(record)
        self._write(connection, batch)
        self.committed += len(batch)
        self._on_commit()
        return more

    def _write(self, connection: sqlite3.Connection, batch: list[Record]) -> None:
        completions = [record for record in batch if isinstance(record, tuple)]
        failures = [record for record in batch if isinstance(record, Failure)]
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(INSERT_COMPLETION, [astuple(completion) for _, completion in completions])
            connection.executemany(
                LINK_ASK,
                [(c.id, teacher, c.draw, c.id, c.prompt_id) for teacher, c in completions],
            )
            connection.executemany(
                INSERT_FAILURE,
                [(f.teacher, f.prompt_id, f.draw, self._build, f.kind, f.message, f.attempts) for f in failures],
            )
