"""What the store keeps, and what it says when it cannot."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from arbitrage.errors import StoreError
from arbitrage.records import Completion, Failure
from arbitrage.store.connect import explain
from arbitrage.store.schema import MIGRATIONS
from arbitrage.store.store import PAGE, Store, open_store
from arbitrage.store.writer import BATCH_ROWS, Writer


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "store.sqlite") as opened:
        yield opened


def _fill(store: Store, count: int) -> None:
    with store.transaction() as connection:
        connection.executemany(
            "INSERT INTO prompt VALUES (?, ?, 'de', 'train', ?, '[]', '{}')",
            [(n, f"{n:032x}", f"s{n // 2}") for n in range(1, count + 1)],
        )


def _completion(n: int, **more: Any) -> Completion:
    return Completion(f"c{n}", f"{n:032x}", "m", "r", 0, **{"text": "x", **more})


def _writer(store: Store, build: int = 1) -> Writer:
    return Writer(store.path, build, lambda: None, lambda: None)


def test_values_are_kept(store: Store) -> None:
    assert store.get("nothing") is None
    store.keep("key", {"a": ["ü", None, 1.5]})
    store.keep("key", {"a": ["ü", None, 2.5]})
    assert store.get("key") == {"a": ["ü", None, 2.5]}


def test_prompts_come_in_pages_in_hash_order(store: Store) -> None:
    _fill(store, PAGE + 3)
    pages = list(store.prompts(PAGE + 2))
    assert [len(page) for page in pages] == [PAGE, 2]
    assert [item.n for page in pages for item in page] == list(range(1, PAGE + 3))
    assert store.last_of_sources(None) == PAGE + 3
    assert store.last_of_sources(1) == 1
    assert store.last_of_sources(2) == 3
    assert store.last_of_sources(10**6) == PAGE + 3


def test_a_prompt_by_the_start_of_its_id(store: Store) -> None:
    _fill(store, 20)
    (found,) = store.prompts_beginning(f"{5:032x}")
    assert found is not None
    assert found.n == 5
    assert len(store.prompts_beginning("0")) == 2
    assert not store.prompts_beginning("f")
    assert not store.prompts_beginning("' OR 1")


def test_a_plan_counts_what_is_new(store: Store) -> None:
    _fill(store, 3)
    asks = [("a", n, 0, None) for n in (1, 2, 3)]
    assert store.plan(asks) == 3
    assert store.plan([*asks, ("a", 1, 1, None), ("b", 1, 0, "c1")]) == 2
    assert store.asked_teachers() == {"a", "b"}
    store.forget_asks()
    assert store.plan(asks) == 3


def test_what_has_an_outcome_is_not_pending(store: Store) -> None:
    _fill(store, 5)
    store.plan([("a", n, 0, f"c{n}" if n < 4 else None) for n in range(1, 6)])
    writer = _writer(store, build=2)
    writer.put(("a", _completion(1)))
    writer.put(("a", _completion(2, text=None, error="validation", message="too long")))
    writer.put(("a", _completion(4)))
    writer.put(Failure("a", f"{5:032x}", 0, "timeout", "slow", 5))
    writer.close()
    assert [ask.prompt.n for ask in store.pending("a", (0, -1), 2)] == [3]
    assert [ask.prompt.n for ask in store.pending("a", (0, -1), 3)] == [3, 5]
    assert store.stored(["c1", "c3", "c4"]) == {"c1", "c4"}
    store.give_up("a", "connection", "gone", 3)
    assert store.pending("a", (0, -1), 3) == []
    kinds = store.connection.execute("SELECT prompt_id, kind FROM failure ORDER BY 1").fetchall()
    assert kinds == [(f"{3:032x}", "connection"), (f"{5:032x}", "connection")]


def test_what_is_paid_is_never_replaced(store: Store) -> None:
    writer = _writer(store)
    writer.put(("a", _completion(1, text="first")))
    writer.put(("a", _completion(1, text="second")))
    writer.close()
    assert store.connection.execute("SELECT text FROM completion").fetchall() == [("first",)]


def test_full_batches_do_not_wait(store: Store) -> None:
    committed = threading.Event()
    writer = Writer(store.path, 1, committed.set, lambda: None)
    for n in range(BATCH_ROWS):
        writer.put(("a", _completion(n)))
    assert committed.wait(30)
    assert store.connection.execute("SELECT count(*) FROM completion").fetchone() == (BATCH_ROWS,)
    assert writer.backlog == 0
    writer.close()


@pytest.mark.parametrize("text", ["\ud800", 2**70, object()])
def test_a_writer_that_fails_says_so_instead_of_hanging(store: Store, text: Any) -> None:
    failed = threading.Event()
    writer = Writer(store.path, 1, lambda: None, failed.set)
    writer.put(("a", _completion(1, text=text)))
    assert failed.wait(30)
    with pytest.raises((StoreError, UnicodeEncodeError, OverflowError)):
        writer.put(("a", _completion(2)))
    with pytest.raises((StoreError, UnicodeEncodeError, OverflowError)):
        writer.close()


def test_a_transaction_is_whole_or_not_at_all(store: Store) -> None:
    with pytest.raises(KeyError), store.transaction() as connection:
        connection.execute("INSERT INTO meta VALUES ('a', '1')")
        raise KeyError
    assert store.get("a") is None


def test_what_sqlite_rolled_back_itself_is_still_named(store: Store) -> None:
    store.connection.execute("PRAGMA max_page_count = 30")
    with pytest.raises(StoreError, match="is full: free some space"), store.transaction() as connection:
        connection.execute("INSERT INTO meta VALUES ('a', ?)", ("x" * 10**6,))
    store.keep("b", 1)
    assert (store.get("a"), store.get("b")) == (None, 1)


def test_scores_of_an_older_store_stay_and_were_paid_to_nobody_known(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "old.sqlite")) as connection:
        connection.executescript("".join(MIGRATIONS[:5]) + "PRAGMA user_version = 5;")
        connection.execute("INSERT INTO score VALUES ('c', 'r', 0.5, NULL)")
        connection.commit()
    with open_store(tmp_path / "old.sqlite") as store:
        found = store.connection.execute("SELECT value, model, prompt_tokens FROM score").fetchall()
        assert found == [(0.5, None, None)]


def test_a_newer_store_is_refused(store: Store) -> None:
    store.connection.execute("PRAGMA user_version = 99")
    for read_only in (True, False):
        with pytest.raises(StoreError, match="schema 99"), open_store(store.path, read_only=read_only):
            pass


def test_reading_changes_nothing(store: Store) -> None:
    store.keep("a", 1)
    with open_store(store.path, read_only=True) as reader:
        assert reader.get("a") == 1
        with pytest.raises(StoreError):
            reader.keep("a", 2)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (sqlite3.SQLITE_FULL, "is full"),
        (sqlite3.SQLITE_CORRUPT, "is damaged"),
        (sqlite3.SQLITE_NOTADB, "is damaged"),
        (sqlite3.SQLITE_READONLY_DIRECTORY, "check its permissions"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "held by another program"),
        (sqlite3.SQLITE_IOERR_WRITE, "check the disk"),
    ],
)
def test_errors_say_what_to_do(code: int, said: str) -> None:
    error = sqlite3.OperationalError("oops")
    error.sqlite_errorcode = code
    assert said in str(explain(error, Path("/x/store.sqlite")))
    assert "/x/store.sqlite" in str(explain(error, Path("/x/store.sqlite")))


def test_revisions_are_remembered(store: Store) -> None:
    assert store.remembered_revision("tgi", "m") is None
    store.remember_revision("tgi", "m", "r1")
    store.remember_revision("tgi", "m", "r2")
    assert store.remembered_revision("tgi", "m") == "r2"
    assert store.remembered_revision("openai", "m") is None
