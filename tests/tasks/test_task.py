"""What a suite may say of a task."""

from pathlib import Path
from typing import Any

import pytest
from arbitrage_eval.tasks.task import Task
from pydantic import ValidationError


def test_a_plain_string_is_a_name_or_a_file() -> None:
    assert Task.model_validate("xnli_tr") == Task(name="xnli_tr")
    assert Task.model_validate("tasks/mine.yaml") == Task(yaml="tasks/mine.yaml")


@pytest.mark.parametrize(
    "said, why",
    [
        ({}, "exactly one of"),
        ({"name": "xnli", "yaml": "a.yaml"}, "exactly one of"),
        ({"dataset": "org/data"}, "needs measure"),
        ({"name": "xnli", "measure": "preferred"}, "nothing else has it"),
        ({"dataset": "org/data", "measure": "answers"}, "needs arm"),
        ({"dataset": "org/data", "measure": "preferred", "arm": "reward"}, "nothing else has it"),
        ({"dataset": "org/data", "measure": "preferred", "few_shot": 2}, "no few_shot"),
        ({"name": "xnli", "limit": 0}, "greater than or equal to 1"),
        ({"name": "xnli", "fewshot": 1}, "Extra inputs"),
        (7, "valid dictionary"),
    ],
)
def test_what_makes_no_sense_is_refused(said: Any, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Task.model_validate(said)


def test_a_label_says_what_is_told_and_not_where_files_lie(tmp_path: Path) -> None:
    assert Task(name="xnli_tr", few_shot=5, limit=10).label == "xnli_tr few_shot=5 limit=10"
    assert Task(yaml=str(tmp_path / "mine.yaml"), chat_template=True).label == "mine.yaml chat_template"
    assert Task(dataset="org/data@v1.0.0", measure="answers", arm="reward").label == "org/data@v1.0.0 answers reward"
