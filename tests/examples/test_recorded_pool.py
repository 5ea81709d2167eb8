"""The example on a small file of the shape it takes."""

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from commands import ROOT

LANGUAGES = ["ar", "en", "fr", "zh"]
TEACHERS = ["north", "south/2", "zh-only"]


def rows() -> list[dict[str, object]]:
    found = []
    for teacher in TEACHERS:
        for language in LANGUAGES[-1:] if teacher == "zh-only" else LANGUAGES:
            for n in range(30):
                empty = teacher == "north" and n % 7 == 0
                # In two languages the same: no replay by text could tell these two apart.
                prompt = "Same in two?" if n == 3 and language in ("en", "fr") else f"Question {n} in {language}?"
                found.append(
                    {
                        "dataset": "made up",
                        "prompt_id": f"made-up/{n}",
                        "language": language,
                        "prompt": prompt,
                        "teacher": teacher,
                        "completion": "" if empty else f"{teacher} answers {n} in {language}. " * (1 + n % 3),
                        "derived_line_pass": None if empty or n == 5 else (n + len(teacher)) % 3 > 0,
                    }
                )
    return found


def example(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "examples/recorded_pool.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "recorded.parquet"
    pq.write_table(pa.Table.from_pylist(rows()), path)
    return path


def test_all_holds_on_a_small_file(file: Path, tmp_path: Path) -> None:
    done = example(file, "--folder", tmp_path / "work", "--prompts", "20", "--no-old-datasets")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 teachers answered in ar en fr zh: north, south/2" in done.stdout
    assert "left out: zh-only" in done.stdout
    assert "160 requests for 160 pairs" in done.stdout
    assert "made-up/3" not in (tmp_path / "work/prompts.jsonl").read_text()
    assert done.stdout.endswith("\nall held\n")


def test_a_file_without_parallel_prompts_is_refused(file: Path) -> None:
    done = example(file, "--languages", "ar", "tr")
    assert done.returncode == 1
    assert "no prompt was answered by the same teachers in each of ar, tr" in done.stderr
