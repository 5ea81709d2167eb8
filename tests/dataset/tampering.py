"""Changes that somebody makes to a folder, and what reproducing it says then."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from arbitrage.dataset import Report
from arbitrage.dataset.shards import SETTINGS


def rewrite(path: Path, change: Callable[[list[dict[str, Any]]], Any], **options: Any) -> None:
    table = pq.read_table(path)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path, **{**SETTINGS, **options})


def edit_manifest(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    manifest = json.loads((folder / "manifest.json").read_bytes())
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def said(report: Report) -> str:
    assert not report.same
    json.dumps(report.as_dict())
    text = "\n".join(str(problem) for problem in report.problems)
    assert text.isascii()
    return text
