"""Parquet files of a folder that nobody vouches for, read in small pieces."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from arbitrage.errors import DatasetError

READ_ERRORS = (OSError, ValueError, TypeError, LookupError, ArithmeticError, MemoryError, pa.ArrowException)
"""What pyarrow raises when a file is not what it says."""
BATCH_ROWS = 1000
MAX_GROUP_BYTES = 2**31
MAX_GROUP_VALUES = 50_000_000
MAX_BATCH_BYTES = 2**30
BYTES_EACH = 100
"""What Python needs for a value besides its text, about."""
OPTIONAL = frozenset(
    "completion reasoning finish_reason prompt_tokens completion_tokens tokens_from reward parents error score "
    "chosen".split()
)


class Located(NamedTuple):
    """A row and where it stands."""

    path: str
    row: int
    value: dict[str, Any]


def inside(folder: Path, path: str) -> Path:
    """Return the regular file at a path of a folder.

    Raises:
        DatasetError: there is none, or it lies outside the folder.
    """
    whole = folder / path
    try:
        real = whole.resolve(strict=True)
        if not real.is_relative_to(folder.resolve()):
            raise DatasetError("leads out of the folder")
        if not real.is_file():
            raise DatasetError("is no regular file")
    except (OSError, RuntimeError, ValueError) as error:
        raise DatasetError(
            "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read: {error}"
        ) from error
    return real


def open_parquet(file: Path) -> pq.ParquetFile:
    """Open a Parquet file whose row groups fit into memory.

    Raises:
        DatasetError: it is no Parquet file, or is larger inside than can be read piece by piece.
    """
    try:
        parquet = pq.ParquetFile(file, pre_buffer=False)
        metadata = parquet.metadata
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            values = max((group.column(column).num_values for column in range(group.num_columns)), default=0)
            if group.total_byte_size > MAX_GROUP_BYTES or values > MAX_GROUP_VALUES:
                raise DatasetError(f"row group {number} is too large to read")
        # A schema may be unreadable although the file opens.
        parquet.schema_arrow.names  # noqa: B018
    except READ_ERRORS as error:
        raise DatasetError(f"is no Parquet file that can be read: {error}") from error
    return parquet


def creator(parquet: pq.ParquetFile) -> str:
    """Return what a file says wrote it."""
    try:
        return str(parquet.metadata.created_by)
    except READ_ERRORS:
        return ""


def batches(file: Path, parquet: pq.ParquetFile) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of an opened file, some at a time.

    Raises:
        DatasetError: the file breaks off, lies about what is in it, or unfolds to more than fits into memory.
    """
    try:
        # A text that stands a million times in a file of a kilobyte stands once in memory, until it is weighed.
        leaves = [parquet.schema.column(place) for place in range(len(parquet.schema))]
        texts = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
        with pq.ParquetFile(file, metadata=parquet.metadata, read_dictionary=texts, pre_buffer=False) as folded:
            for batch in folded.iter_batches(batch_size=BATCH_ROWS, use_threads=False):
                if sum(map(_weight, batch.columns)) > MAX_BATCH_BYTES:
                    raise DatasetError(f"unfolds to more than {MAX_BATCH_BYTES / 2**30:.0f} GiB in {len(batch)} rows")
                yield batch.to_pylist()
    except READ_ERRORS as error:
        raise DatasetError(f"cannot be read to its end: {error}") from error


def _weight(values: pa.Array) -> int:
    """Return about how many bytes Python needs for values that are still folded."""
    if pa.types.is_struct(values.type):
        return BYTES_EACH * len(values) + sum(map(_weight, values.flatten()))
    if pa.types.is_nested(values.type):
        return BYTES_EACH * len(values) + _weight(values.flatten())
    if pa.types.is_dictionary(values.type):
        lengths = pc.binary_length(values.dictionary).take(values.indices)
        return BYTES_EACH * len(values) + (pc.sum(lengths).as_py() or 0)
    return BYTES_EACH * len(values) + int(values.nbytes)


def rows(folder: Path, paths: list[str]) -> Iterator[Located]:
    """Yield the rows of files in order.

    Raises:
        DatasetError: a file cannot be read.
    """
    for path in paths:
        row = 0
        try:
            file = inside(folder, path)
            with open_parquet(file) as parquet:
                for batch in batches(file, parquet):
                    for value in batch:
                        yield Located(path, row, value)
                        row += 1
        except DatasetError as error:
            raise DatasetError(f"{path} {error}") from error


def hole(row: dict[str, Any], columns: frozenset[str]) -> str | None:
    """Return the first of the columns that lacks a value it must have, or holds a number that is none."""
    return next((name for name in row if name in columns and _lacks(name, row[name])), None)


def _lacks(name: str, value: Any) -> bool:
    if value is None:
        return name not in OPTIONAL
    if isinstance(value, list):
        return any(item is None or _lacks(name, item) for item in value)
    if isinstance(value, dict):
        return any(_lacks(key, item) for key, item in value.items())
    return isinstance(value, float) and not math.isfinite(value)
