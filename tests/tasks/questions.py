"""Task files over small files of questions, as lm-eval reads them."""

import json
from pathlib import Path
from typing import Any

import yaml

QUESTIONS = [
    {"question": f"soru {n} of the answer", "choices": ["ein der", "bir", "die Frage"], "label": n % 3}
    for n in range(9)
]
CHOICE: dict[str, Any] = {
    "output_type": "multiple_choice",
    "doc_to_text": "{{question}}",
    "doc_to_choice": "{{choices}}",
    "doc_to_target": "label",
    "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
    "metadata": {"version": 2.0},
}
WRITTEN: dict[str, Any] = {
    "output_type": "generate_until",
    "doc_to_text": "{{question}}",
    "doc_to_target": "{{choices[label]}}",
    "generation_kwargs": {"max_gen_toks": 8, "until": ["\n"], "do_sample": False},
    "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
    "metadata": {"version": 1.0},
}


def write_task(folder: Path, name: str, settings: dict[str, Any], rows: list[dict[str, Any]] | None = None) -> str:
    """Write NAME.yaml and its data beside it, which it names by a relative path; return the file's name."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows or QUESTIONS]
    (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    data = {"dataset_path": "json", "dataset_kwargs": {"data_files": {"test": f"{name}.jsonl"}}, "test_split": "test"}
    text = yaml.safe_dump({"task": name, **data, **settings}, allow_unicode=True)
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return f"{name}.yaml"
