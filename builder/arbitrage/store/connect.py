"""How the store's file is opened, and what its errors mean to a person."""

import sqlite3
from pathlib import Path

from arbitrage.errors import StoreError


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open the store with write-ahead log and full syncs: what is committed survives a power cut."""
    uri = f"{path.resolve().as_uri()}{'?mode=ro' if read_only else ''}"
    connection = sqlite3.connect(uri, uri=True, timeout=30, isolation_level=None, check_same_thread=False)
    try:
        if read_only:
            connection.execute("SELECT 1 FROM sqlite_master")
        else:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA cache_size = -32000")
    except sqlite3.Error as error:
        connection.close()
        if read_only and error.sqlite_errorcode == sqlite3.SQLITE_CANTOPEN and not _has_log(path):
            # Where nothing can be written, a log can have no lock file beside it, and without a log none is needed.
            return sqlite3.connect(f"{path.resolve().as_uri()}?immutable=1", uri=True, isolation_level=None)
        raise
    return connection


def _has_log(path: Path) -> bool:
    log = path.with_name(path.name + "-wal")
    return log.exists() and log.stat().st_size > 0


def explain(error: sqlite3.Error, path: Path) -> StoreError:
    """Turn an error of SQLite's into what happened, where, and what to do."""
    code = getattr(error, "sqlite_errorcode", 0)
    primary = code & 0xFF
    if primary == sqlite3.SQLITE_FULL:
        return StoreError(
            f"the disk that holds {path} is full: free some space and run the same command again; "
            "everything stored so far is safe"
        )
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreError(f"{path} is damaged ({error}): restore it from a copy, or give another --run")
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return StoreError(f"{path} cannot be opened ({error}): check its permissions")
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreError(f"{path} is held by another program ({error}): close it and run the command again")
    return StoreError(
        f"{path} cannot be written ({error}): check the disk, then run the same command again; "
        "everything stored so far is safe"
    )
