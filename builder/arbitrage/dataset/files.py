"""Every file against the manifest: nothing missing, nothing more, the same bytes, the same rows."""

import os
from pathlib import Path

import pyarrow as pa

from arbitrage.dataset.manifest import File, Manifest, configs_of
from arbitrage.dataset.reading import batches, creator, inside, open_parquet
from arbitrage.dataset.report import Report, shown
from arbitrage.dataset.schema import GROUP_ROWS, POOL, PREFERENCES, ROUTES, RowHash, carried_of, schema_of
from arbitrage.dataset.shards import file_sha256
from arbitrage.errors import DatasetError

OTHER_ENCODING = "same rows, other encoding"


class Files:
    """The files of a folder, checked one by one; `broken` holds those whose rows cannot be had."""

    def __init__(self, folder: Path, manifest: Manifest, report: Report) -> None:
        self.folder = folder
        self.manifest = manifest
        self.report = report
        self.broken: set[str] = set()
        self.carried: dict[str, pa.DataType] | None = None
        self._other_encoding = 0

    def check(self) -> None:
        """Check the folder against the manifest."""
        self._nothing_more()
        # The pool first: it tells which columns prompts carry.
        for table in sorted(
            {path.split("/")[0] for path in self.manifest.files}, key=lambda name: (name != POOL, name)
        ):
            self.check_table(table)
        if configs_of(self.manifest.files) != self.manifest.configs:
            self.report.add("manifest.json", "configs are not those of the files", column="configs")
        if self._other_encoding:
            self.report.notes.append(
                f"{self._other_encoding} files: {OTHER_ENCODING} than pyarrow {shown(self.manifest.writer.pyarrow)}"
            )

    def check_table(self, table: str) -> None:
        """Check the files of one table against the manifest."""
        tables = {POOL, ROUTES, PREFERENCES, *self.manifest.published_arms}
        for path, file in sorted(self.manifest.files.items()):
            name, language, _ = path.split("/")
            if name != table:
                continue
            if table not in tables or language not in self.manifest.languages:
                self.report.add(path, "the manifest knows no such arm or language")
            try:
                self._check_file(path, table, file)
            except DatasetError as error:
                self.broken.add(path)
                self.report.add(path, shown(str(error))[1:-1])

    def paths(self, table: str, language: str, split: str) -> list[str]:
        """Return the files of a table, language and split in order."""
        return sorted(path for path in self.manifest.files if path.startswith(f"{table}/{language}/{split}-"))

    def readable(self, table: str, language: str, split: str) -> bool:
        """Say whether all rows of a table, language and split can be had."""
        return self.broken.isdisjoint(self.paths(table, language, split))

    def _nothing_more(self) -> None:
        for parent, folders, names in os.walk(self.folder):
            for name in folders:
                if (Path(parent) / name).is_symlink():
                    self.report.add(self._relative(parent, name), "is a linked folder")
            for name in names:
                path = self._relative(parent, name)
                if name.endswith(".parquet") and path not in self.manifest.files:
                    self.report.add(path, "is not in the manifest")

    def _relative(self, parent: str, name: str) -> str:
        path = (Path(parent) / name).relative_to(self.folder).as_posix()
        return path if path in self.manifest.files else shown(path)[1:-1]

    def _check_file(self, path: str, table: str, file: File) -> None:
        real = inside(self.folder, path)
        with real.open("rb") as opened:
            opened.seek(0, os.SEEK_END)
            same_bytes = opened.tell() == file.bytes and file_sha256(real) == file.file_sha256
        with open_parquet(real) as parquet:
            schema = parquet.schema_arrow
            if self.carried is None:
                self.carried = carried_of(schema) if table == POOL else {}
            self._check_schema(schema, table)
            if parquet.metadata.num_rows != file.rows:
                self.report.add(path, f"has {parquet.metadata.num_rows} rows, the manifest says {file.rows}")
            found = RowHash()
            for batch in batches(real, parquet):
                found.update(batch)
            created_by = creator(parquet)
        self.report.counts["files"] += 1
        self.report.counts["rows"] += found.rows
        if (found.rows, found.all, found.groups) != (file.rows, file.rows_sha256, file.groups_sha256):
            self._locate(path, file, found)
        elif not same_bytes:
            if created_by == f"parquet-cpp-arrow version {self.manifest.writer.pyarrow}":
                self.report.add(path, "its bytes changed, its rows did not")
            else:
                self._other_encoding += 1

    def _check_schema(self, schema: pa.Schema, table: str) -> None:
        wanted = schema_of(table, self.carried or {})
        if schema.names != wanted.names:
            raise DatasetError(f"has columns {', '.join(schema.names)} instead of {', '.join(wanted.names)}")
        for found, field in zip(schema, wanted, strict=True):
            if found.type != field.type:
                raise DatasetError(f"column {field.name} is {found.type}, not {field.type}")

    def _locate(self, path: str, file: File, found: RowHash) -> None:
        groups = found.groups
        for number in range(max(len(groups), len(file.groups_sha256))):
            if groups[number : number + 1] != file.groups_sha256[number : number + 1]:
                first = number * GROUP_ROWS
                last = max(first, min(first + GROUP_ROWS, max(found.rows, file.rows)) - 1)
                self.report.add(path, f"rows {first}-{last} are not those of the manifest", row=None)
        if groups == file.groups_sha256:
            self.report.add(path, "rows_sha256 in the manifest is not that of the rows")
