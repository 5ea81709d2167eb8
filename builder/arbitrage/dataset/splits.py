"""Which split each prompt and each source stands in, remembered on disk."""

import sqlite3


class Splits:
    """A memory of splits that does not grow with the dataset."""

    def __init__(self) -> None:
        # The empty name is a private file of SQLite's own, gone when it is closed.
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute("CREATE TABLE seen (name TEXT PRIMARY KEY, split TEXT) WITHOUT ROWID")
        self._connection.execute("BEGIN")

    def other(self, column: str, name: str, split: str) -> str | None:
        """Remember a name's split; return the one it was seen in before, where that is another."""
        key = f"{column} {name}"
        self._connection.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (key, split))
        (first,) = self._connection.execute("SELECT split FROM seen WHERE name = ?", (key,)).fetchone()
        return None if first == split else str(first)

    def close(self) -> None:
        """Forget everything."""
        self._connection.close()
