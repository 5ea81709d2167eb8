"""Prompt files on this machine: JSONL line by line, Parquet batch by batch, folders file by file."""

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pyarrow
import pyarrow.parquet

from arbitrage.errors import PromptError

SUFFIXES = (".jsonl", ".parquet")
MAX_LINE = 32 * 1024 * 1024
PEEK = 1000
BATCH = 256


class Read(NamedTuple):
    """One row of a file: its columns, or why it has none."""

    where: str
    row: dict[str, Any] | str


class PromptFile(NamedTuple):
    """A file of prompts; `name` is its path within the source, `shown` how messages call it."""

    path: Path
    name: str
    shown: str


def is_local(path: str, folder: Path) -> bool:
    """Say whether a source's path is a file or folder here rather than an id on the Hub."""
    return path.startswith((".", "/")) or path.lower().endswith(SUFFIXES) or (folder / path).exists()


def prompt_files(path: str, folder: Path) -> list[PromptFile]:
    """Return the files of a local source, sorted by their relative paths.

    Raises:
        PromptError: there is no such file, or none that can be read.
    """
    root = folder / path
    if root.is_dir():
        names = sorted(
            found.relative_to(root).as_posix()
            for found in root.rglob("*")
            if found.suffix.lower() in SUFFIXES and found.is_file()
        )
        # Editors and downloaders keep copies in hidden folders, and a copy would be a second source.
        names = [name for name in names if not any(part.startswith(".") for part in name.split("/"))]
        if not names:
            raise PromptError(f"{path}: the folder holds no .jsonl and no .parquet file (looked in {root})")
        return [PromptFile(root / name, name, f"{path.rstrip('/')}/{name}") for name in names]
    if not root.exists():
        raise PromptError(f"{path}: no such file or folder (looked for {root})")
    if root.suffix.lower() not in SUFFIXES:
        raise PromptError(f"{path}: is neither .jsonl nor .parquet; convert it, one JSON object a line")
    return [PromptFile(root, root.name, path)]


def read_file(file: PromptFile, columns: Sequence[str]) -> Iterator[Read]:
    """Yield the rows of a file, with at least the given columns where a row has them.

    Raises:
        PromptError: the file cannot be read, or has no such column.
    """
    try:
        if file.path.suffix.lower() == ".parquet":
            yield from _read_parquet(file, columns)
        else:
            yield from _read_jsonl(file, columns)
    except OSError as error:
        raise PromptError(f"{file.shown}: cannot be read: {error.strerror or error}") from error


def lacking(
    shown: str, missing: Sequence[str], known: Sequence[str], advice: str = "name one of these in columns"
) -> PromptError:
    """Return the error for columns that a source does not have."""
    names = ", ".join(repr(name) for name in missing)
    return PromptError(f"{shown}: has no column {names}; it has {', '.join(known) or 'none'}: {advice}")


def _read_jsonl(file: PromptFile, columns: Sequence[str]) -> Iterator[Read]:
    with file.path.open("rb") as stream:
        # Before any row goes on: a mistyped column would otherwise reach the store as a thousand gaps.
        known: dict[str, None] = {}
        missing = set(columns)
        for _, row in islice(_objects(stream, file.shown), PEEK):
            if isinstance(row, dict):
                known.update(dict.fromkeys(row))
                missing.difference_update(row)
            if not missing:
                break
        if missing and known:
            raise lacking(file.shown, [name for name in columns if name in missing], list(known))
        stream.seek(0)
        yield from _objects(stream, file.shown)


def _objects(stream: BinaryIO, shown: str) -> Iterator[Read]:
    for number, line in _lines(stream):
        where = f"{shown}:{number}"
        if line is None:
            yield Read(where, f"the line is longer than {MAX_LINE // 2**20} MB")
            continue
        if number == 1:
            if line.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise PromptError(f"{shown}: is UTF-16; save it as UTF-8")
            line = line.removeprefix(b"\xef\xbb\xbf")
        if line.strip():
            yield Read(where, _parsed(line))


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    number = 0
    while line := stream.readline(MAX_LINE + 1):
        number += 1
        if len(line) <= MAX_LINE or line.endswith(b"\n"):
            yield number, line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(MAX_LINE)
        yield number, None


def _parsed(line: bytes) -> dict[str, Any] | str:
    try:
        row = json.loads(line.decode("utf-8").rstrip())
    except UnicodeDecodeError as error:
        return f"not UTF-8 at byte {error.start + 1} of the line"
    except json.JSONDecodeError as error:
        return f"not JSON: {error.msg} at character {error.pos + 1}"
    except ValueError:
        return "not JSON that can be read: a number has thousands of digits"
    except RecursionError:
        return "not JSON that can be read: nested too deeply"
    return row if isinstance(row, dict) else "not a JSON object (one {...} a line)"


def _read_parquet(file: PromptFile, columns: Sequence[str]) -> Iterator[Read]:
    try:
        # A read buffer keeps whole column chunks out of memory, however large the row groups are.
        parquet = pyarrow.parquet.ParquetFile(file.path, buffer_size=2**20, pre_buffer=False)
        with parquet:
            known = parquet.schema_arrow.names
            if missing := [name for name in columns if name not in known]:
                raise lacking(file.shown, missing, known)
            number = 0
            for batch in parquet.iter_batches(BATCH, columns=list(dict.fromkeys(columns))):
                for row in _rows(batch):
                    number += 1
                    yield Read(f"{file.shown} row {number}", row)
    except pyarrow.ArrowException as error:
        raise PromptError(f"{file.shown}: is not a Parquet file that can be read: {error}") from error


def _rows(batch: pyarrow.RecordBatch) -> Iterator[dict[str, Any] | str]:
    try:
        yield from batch.to_pylist()
    except ValueError:
        # One value that Python cannot hold (broken UTF-8, nanoseconds) fails a batch: find its row.
        for position in range(batch.num_rows):
            try:
                yield batch.slice(position, 1).to_pylist()[0]
            except ValueError as error:
                yield f"a value cannot be read: {error}"
