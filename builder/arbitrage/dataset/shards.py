"""Rows to Parquet: deterministic bytes, files opened at the first row, memory that does not grow."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from arbitrage.dataset.manifest import File
from arbitrage.dataset.schema import GROUP_ROWS, RowHash
from arbitrage.errors import DatasetError

SHARD_ROWS = 100_000
SETTINGS: dict[str, Any] = {
    "version": "2.6",
    "data_page_version": "1.0",
    "compression": "zstd",
    "compression_level": 3,
    "use_dictionary": True,
    "write_statistics": True,
    "write_page_index": True,
    "use_content_defined_chunking": True,
}


class Shards:
    """The Parquet files of one table, language and split."""

    def __init__(self, root: Path, folder: str, split: str, schema: pa.Schema, shard_rows: int = SHARD_ROWS) -> None:
        self.root = root
        self.stem = f"{folder}/{split}"
        self.schema = schema
        self.shard_rows = shard_rows
        self.files: dict[str, File] = {}
        self._buffer: list[Mapping[str, Any]] = []
        self._writer: pq.ParquetWriter | None = None
        self._hash = RowHash()

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row.

        Raises:
            DatasetError: a value does not fit its column.
        """
        self._buffer.append(row)
        if len(self._buffer) == GROUP_ROWS:
            self._flush()
            if self._hash.rows >= self.shard_rows:
                self._finish()

    def close(self) -> dict[str, File]:
        """Write what is left and return every file by its path."""
        self._flush()
        self._finish()
        return self.files

    @property
    def _path(self) -> str:
        return f"{self.stem}-{len(self.files):05d}.parquet"

    def _flush(self) -> None:
        if not self._buffer:
            return
        try:
            table = pa.Table.from_pylist(self._buffer, schema=self.schema)
        except (ValueError, TypeError, OverflowError, pa.ArrowException) as error:
            raise DatasetError(self._misfit(error)) from error
        self._buffer.clear()
        # Hashed as a reader will see them, so that whoever reads the file computes the same.
        self._hash.update(table.to_pylist())
        if self._writer is None:
            path = self.root / self._path
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(path, self.schema, **SETTINGS)
        self._writer.write_table(table, row_group_size=GROUP_ROWS)

    def _finish(self) -> None:
        if self._writer is None:
            return
        self._writer.close()
        self._writer = None
        path = self.root / self._path
        sync(path)
        self.files[self._path] = File(
            rows=self._hash.rows,
            rows_sha256=self._hash.all,
            groups_sha256=self._hash.groups,
            file_sha256=file_sha256(path),
            bytes=path.stat().st_size,
        )
        self._hash = RowHash()

    def _misfit(self, error: Exception) -> str:
        for row in self._buffer:
            for field in self.schema:
                try:
                    pa.array([row.get(field.name)], field.type)
                except (ValueError, TypeError, OverflowError, pa.ArrowException) as cause:
                    name = f"prompt {row['prompt_id']}, column {field.name} of {self.stem}"
                    return f"{name}: the value does not fit {field.type}: {cause}"
        return f"{self.stem}: a row does not fit its schema: {error}"


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync(path: Path) -> None:
    """Make a file or folder durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
