"""Completions that were made offline come in from a file, and every line that is none is named."""

import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from line.lost import Lost, batch, counts, write


def test_an_offline_batch_comes_in_and_nobody_is_asked(lost: Lost) -> None:
    source = write(lost.trial.folder / "batch.jsonl", batch(lost, prompt_tokens=3, completion_tokens=5))
    assert counts(lost.bring(source)) == {"read": 24, "imported": 24, "asked": 24}
    assert lost.trial.build().code == 0
    assert lost.asked == [0, 0]
    first = lost.trial.pool()[0]
    assert first["completion"] == f"{first['teacher']}: {first['prompt'][0]['content']}"
    assert first["revision"] == lost.handles[0 if first["teacher"] == "a" else 1].double.model_sha
    assert (first["prompt_tokens"], first["completion_tokens"], first["tokens_from"]) == (3, 5, "usage")
    text = (lost.trial.dataset / "manifest.json").read_text()
    assert json.loads(text)["imported"] == {"a": {"batch.jsonl": 12}, "b": {"batch.jsonl": 12}}
    assert str(lost.trial.folder) not in text


def test_parquet_messages_and_reasoning(lost: Lost) -> None:
    table = [
        {
            "messages": [{"role": "user", "content": row["prompt"]}],
            "language": row["language"],
            "teacher": "a",
            "completion": [{"role": "assistant", "content": "<think>Hm.</think>Ja."}],
            "finish_reason": "eos_token",
            "draw": None,
            "mine": 1,
        }
        for row in lost.trial.prompts
    ]
    path = lost.trial.folder / "batch.parquet"
    pq.write_table(pa.Table.from_pylist(table), path)
    assert counts(lost.bring(str(path))) == {"read": 12, "imported": 12, "asked": 12}
    found = lost.trial.query("SELECT DISTINCT text, reasoning, finish_reason, tokens_from, draw FROM completion")
    assert found == [("Ja.", "Hm.", "stop", None, 0)]
    assert lost.trial.build().code == 0
    assert lost.asked == [0, 12]


def test_the_language_may_be_absent_where_there_is_one(lost: Lost) -> None:
    lost.trial.more["languages"] = ["de"]
    lines = [row for row in batch(lost) if row.pop("language") == "de"]
    assert counts(lost.bring(write(lost.trial.folder / "batch.jsonl", lines))) == {
        "read": 12,
        "imported": 12,
        "asked": 12,
    }
    assert lost.trial.build().code == 0
    assert lost.asked == [0, 0]


def test_a_revision_is_the_rows_then_the_recipes_then_what_is_known(lost: Lost) -> None:
    lost.trial.teachers["a"]["revision"] = lost.handles[0].double.model_sha
    lost.trial.teachers["b"]["endpoint"] = ["http://127.0.0.1:9"]
    lines = [*batch(lost), {**batch(lost)[0], "revision": "other"}, {**batch(lost)[1], "revision": "other"}]
    source = write(lost.trial.folder / "batch.jsonl", lines)
    lost.trial.write()
    ran = lost.trial.run("import", source, "--json")
    assert "teacher b: nobody says its revision" in ran.err
    assert counts(ran.json) == {"read": 26, "imported": 25, "other": 1, "asked": 25}
    found = dict(lost.trial.query("SELECT model || ' ' || revision, count(*) FROM completion GROUP BY 1"))
    assert found == {f"org/a {lost.handles[0].double.model_sha}": 12, "org/b unverified": 12, "org/b other": 1}


BAD: dict[str, tuple[Any, str]] = {
    "not json": ("{", ":2: not JSON"),
    "no teacher": ({"prompt": "x", "language": "de", "completion": "y"}, ":2: 'teacher' is missing"),
    "no prompt": ({"teacher": "a", "language": "de", "completion": "y"}, ":2: 'prompt' is missing"),
    "both": ({"teacher": "a", "prompt": "x", "messages": [], "completion": "y"}, ":2: has both"),
    "no language": ({"teacher": "a", "prompt": "x", "completion": "y"}, ":2: 'language' is missing"),
    "two turns": (
        {"teacher": "a", "prompt": "x", "language": "de", "completion": [{}, {}]},
        ":2: 'completion' is neither text nor a list of one assistant turn",
    ),
    "surrogate": (
        {"teacher": "a", "prompt": "x", "language": "de", "completion": "\ud800"},
        ":2: 'completion' is no text that UTF-8 can carry",
    ),
    "surrogate in the prompt": (
        {"teacher": "a", "prompt": "\ud800", "language": "de", "completion": "y"},
        ":2: 'prompt', turn 1: content holds half a surrogate pair",
    ),
    "revision": (
        {"teacher": "a", "prompt": "x", "language": "de", "completion": "y", "revision": "a b"},
        ":2: 'revision' cannot name a revision",
    ),
    "draw": ({"teacher": "a", "prompt": "x", "language": "de", "completion": "y", "draw": -1}, ":2: 'draw' is no"),
    "tokens": (
        {"teacher": "a", "prompt": "x", "language": "de", "completion": "y", "prompt_tokens": 1.5},
        ":2: 'prompt_tokens' is no whole number",
    ),
}


@pytest.mark.parametrize(("line", "says"), BAD.values(), ids=BAD)
def test_a_bad_line_is_named_and_the_rest_comes_in(lost: Lost, line: Any, says: str) -> None:
    lines = batch(lost)
    source = write(lost.trial.folder / "batch.jsonl", [lines[0], line, lines[1]])
    found = lost.bring(source)
    assert counts(found) == {"read": 3, "imported": 2, "asked": 2, "unreadable": 1}
    assert says in found["named"][0]


def test_many_bad_lines_are_counted_and_the_log_names_them(lost: Lost) -> None:
    found = lost.bring(write(lost.trial.folder / "batch.jsonl", [*batch(lost), *["{"] * 100]))
    assert found["unreadable"] == 100
    assert len(found["named"]) == 20
    assert (lost.trial.run_folder / "run.log").read_text().count("unreadable: ") == 100


def test_rows_without_a_completion_are_counted(lost: Lost) -> None:
    source = write(lost.trial.folder / "batch.jsonl", batch(lost, completion=None))
    assert counts(lost.bring(source)) == {"read": 24, "not_text": 24}


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("batch.jsonl", '{"teacher": "aa", "prompt": "x", "language": "de", "completion": "y"}', "did you mean 'a'?"),
        ("batch.csv", "", "is neither .jsonl nor .parquet"),
        ("batch.parquet", "PAR1", "is not a Parquet file that can be read"),
        ("absent.jsonl", None, "no such file or folder"),
    ],
)
def test_what_cannot_be_imported_is_said(lost: Lost, name: str, content: str | None, says: str) -> None:
    path = lost.trial.folder / name
    if content is not None:
        path.write_text(content)
    lost.trial.write()
    ran = lost.trial.run("import", str(path))
    assert ran.code == 2
    assert says in ran.err


def test_a_parquet_file_without_the_columns_is_refused(lost: Lost) -> None:
    path = lost.trial.folder / "batch.parquet"
    pq.write_table(pa.table({"teacher": ["a"], "answer": ["y"]}), path)
    lost.trial.write()
    ran = lost.trial.run("import", str(path))
    assert ran.code == 2
    assert "has no column 'completion', 'prompt'; it has teacher, answer: rename yours" in ran.err
