"""Files of suites, made of sets with the columns that those on the Hub have."""

import io
import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from arbitrage_eval.languages import languages
from commands import ROOT
from hub import Server, serving

SENTENCES = 3


def parquet(rows: list[dict[str, Any]]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file.getvalue()


def card(split: str, configs: list[str]) -> str:
    lines = [f"- config_name: {name}\n  data_files:\n  - {{split: {split}, path: {name}/*}}\n" for name in configs]
    return f"---\nconfigs:\n{''.join(lines)}---\n"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    codes = [(one.aya, one.script) for one in languages().values()] + [("zho", "Hant"), ("fin", "Latn")]
    dolly = [
        {"id": n * 9 + row, "inputs": f"{code} {script} {n}?", "targets": "", "language": code, "script": script}
        | {"source_id": 7000 + n}
        for row, (code, script) in enumerate(codes)
        for n in range(2)
    ]
    own = [
        {"id": n, "inputs": f"{code} {n}", "targets": "", "language": code, "script": script}
        for n, (code, script) in enumerate([("arb", "Arab"), ("tur", "Latn"), ("eng", "Latn"), ("tel", "Telu")])
    ]
    with serving(tmp_path_factory.mktemp("hub")) as hub:
        hub.create("CohereLabs/aya_evaluation_suite").push(
            {
                "README.md": card("test", ["dolly_machine_translated", "aya_human_annotated"]),
                "dolly_machine_translated/test.parquet": parquet(dolly),
                "aya_human_annotated/test.parquet": parquet(own),
            }
        )
        named = {one.flores_plus: tag for tag, one in languages().items()}
        hub.create("openlanguagedata/flores_plus").push(
            {
                "README.md": card("devtest", list(named)),
                **{
                    f"{code}/devtest.parquet": parquet(
                        [{"id": n, "iso_639_3": code[:3], "text": f"{tag} sentence {n}"} for n in range(SENTENCES)]
                    )
                    for code, tag in named.items()
                },
            }
        )
        yield hub


def make(hub: Server, folder: Path, *sets: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environ |= {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(folder / "home"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in ("builder", "dataset_cards", "eval")),
    }
    command = [sys.executable, "-m", "arbitrage_eval.sets", *sets, "--folder", str(folder / "sets")]
    return subprocess.run(command, env=environ, capture_output=True, text=True)


def rows(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "sets" / name).read_text(encoding="utf-8").splitlines()]


def test_all_are_made(hub: Server, tmp_path: Path) -> None:
    done = make(hub, tmp_path, "dolly", "native", "flores")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^CohereLabs/aya_evaluation_suite@[0-9a-f]{12} dolly_machine_translated$", done.stderr, re.M)
    prompts = rows(tmp_path, "dolly.jsonl")
    assert Counter(row["language"] for row in prompts) == dict.fromkeys(languages(), 2)
    assert {row["source_id"] for row in prompts} == {"dolly-7000", "dolly-7001"}
    assert [row["prompt"] for row in prompts if row["language"] == "zh"] == ["zho Hans 0?", "zho Hans 1?"]

    own = {row["language"]: row for row in rows(tmp_path, "native.jsonl")}
    assert own["tr"] == {"prompt": "tur 1", "language": "tr", "source_id": "aya-tr-1"}
    assert set(own) == {"ar", "tr", "en"} and "none in zh" in done.stderr

    parallel = rows(tmp_path, "parallel.jsonl")
    assert len(parallel) == 14 * SENTENCES and {"en"}.isdisjoint(row["language"] for row in parallel)
    assert parallel[-1] == {"sentence": "zh sentence 2", "english": "en sentence 2", "language": "zh"}
    asked = rows(tmp_path, "translation.jsonl")
    assert len(asked) == 2 * len(parallel) and len({row["source_id"] for row in asked}) == SENTENCES
    (into,) = (row for row in asked if row["direction"] == "en-tr" and row["source_id"] == "flores-1")
    assert into["language"] == "tr" and into["reference"] == "tr sentence 1"
    assert "from English into Turkish" in into["prompt"] and into["prompt"].endswith("\n\nen sentence 1")
    (back,) = (row for row in asked if row["direction"] == "tr-en" and row["source_id"] == "flores-1")
    assert (back["language"], back["reference"]) == ("en", "en sentence 1")


def test_a_set_that_is_not_to_be_had_is_said_in_a_line(tmp_path: Path) -> None:
    with serving(tmp_path / "hub") as empty:
        empty.create("openlanguagedata/flores_plus", gated="auto").push({"README.md": card("devtest", ["arb_Arab"])})
        gated = make(empty, tmp_path, "flores")
        nowhere = make(empty, tmp_path, "dolly")
    assert gated.returncode == 2 and "is gated; accept its terms" in gated.stderr and "Traceback" not in gated.stderr
    assert nowhere.returncode == 2 and "no such dataset on the Hub" in nowhere.stderr
