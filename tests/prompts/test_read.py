import json
import tracemalloc
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from arbitrage.errors import PromptError
from arbitrage.prompts import files
from arbitrage.prompts.read import BadRow, Row, read_rows
from arbitrage.recipe.model import PromptSource
from hypothesis import given
from hypothesis import strategies as st


def source(path, **more):
    return PromptSource.model_validate({"path": path, "language": "de", **more})


def jsonl(path, *rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join((row if isinstance(row, bytes) else json.dumps(row).encode()) + b"\n" for row in rows))


def table(path, **columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({name: pa.array(values) for name, values in columns.items()}), path)


def texts(rows):
    return [row.messages[-1]["content"] if isinstance(row, Row) else row for row in rows]


def test_jsonl(tmp_path):
    jsonl(tmp_path / "prompts" / "ar.jsonl", {"prompt": "a", "x": 1}, {"prompt": "b"})
    rows = list(read_rows(source("prompts/ar.jsonl"), tmp_path))
    assert rows == [
        Row("de", None, [{"role": "user", "content": "a"}], {}, "prompts/ar.jsonl:1"),
        Row("de", None, [{"role": "user", "content": "b"}], {}, "prompts/ar.jsonl:2"),
    ]


def test_bad_lines_come_with_their_numbers(tmp_path):
    lines = [
        {"prompt": "a"},
        b"",
        b"{",
        b'{"prompt": "\xff"}',
        b"   \r",
        b"[1]",
        b'"text"',
        {"prompt": "\ud800"},
        {"promt": "b"},
        b'{"prompt": ' + b"1" * 5000 + b"}",
        b'{"prompt": ' + b"[" * 100_000,
        {"prompt": "z"},
    ]
    jsonl(tmp_path / "x.jsonl", *lines)
    rows = list(read_rows(source("x.jsonl"), tmp_path))
    assert texts([rows[0], rows[-1]]) == ["a", "z"]
    assert [(row.where, row.why) for row in rows[1:-1]] == [
        ("x.jsonl:3", "not JSON: Expecting property name enclosed in double quotes at character 2"),
        ("x.jsonl:4", "not UTF-8 at byte 13 of the line"),
        ("x.jsonl:6", "not a JSON object (one {...} a line)"),
        ("x.jsonl:7", "not a JSON object (one {...} a line)"),
        ("x.jsonl:8", "'prompt', turn 1: content holds half a surrogate pair, which UTF-8 cannot carry"),
        ("x.jsonl:9", "'prompt' is missing"),
        ("x.jsonl:10", "not JSON that can be read: a number has thousands of digits"),
        ("x.jsonl:11", "not JSON that can be read: nested too deeply"),
    ]


def test_byte_order_mark_crlf_and_no_last_newline(tmp_path):
    (tmp_path / "x.jsonl").write_bytes(b'\xef\xbb\xbf{"prompt": "a\\r\\n"}\r\n\r\n{"prompt": " b "}')
    rows = list(read_rows(source("x.jsonl"), tmp_path))
    assert texts(rows) == ["a\r\n", " b "]
    assert rows[1].where == "x.jsonl:3"


def test_a_line_that_is_too_long_is_skipped_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_LINE", 2**20)
    long = {"prompt": "x" * 2**22}
    jsonl(tmp_path / "x.jsonl", {"prompt": "a"}, long, {"prompt": "b"}, {"prompt": "x" * (2**20 - 14)}, long)
    rows = list(read_rows(source("x.jsonl"), tmp_path))
    assert [row.where for row in rows if isinstance(row, BadRow)] == ["x.jsonl:2", "x.jsonl:5"]
    assert rows[1].why == "the line is longer than 1 MB"
    assert len(rows) == 5


def test_a_prompt_of_a_hundred_thousand_characters(tmp_path):
    text = "مرحبا 😀 " * 12_500
    jsonl(tmp_path / "x.jsonl", {"prompt": text})
    table(tmp_path / "x.parquet", prompt=[text])
    for name in ("x.jsonl", "x.parquet"):
        assert texts(read_rows(source(name), tmp_path)) == [text]


CONTENT = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
TURNS = st.lists(st.tuples(st.sampled_from(["user", "assistant"]), CONTENT), max_size=4)


@given(TURNS, CONTENT.filter(str.strip), st.booleans())
def test_messages_survive_files(tmp_path_factory, turns, last, ascii_only):
    messages = [{"role": role, "content": content} for role, content in [*turns, ("user", last)]]
    folder = tmp_path_factory.mktemp("messages")
    line = json.dumps({"m": messages}, ensure_ascii=ascii_only)
    (folder / "x.jsonl").write_bytes(line.encode())
    table(folder / "x.parquet", m=[messages])
    for name in ("x.jsonl", "x.parquet"):
        (row,) = read_rows(source(name, columns={"messages": "m"}), folder)
        assert row.messages == messages


def test_parquet(tmp_path):
    table(
        tmp_path / "x.parquet",
        q=["a", " ", "c"],
        lang=["de", "tr", None],
        id=[1, None, 3],
        when=[date(2024, 1, 2), None, None],
        at=[datetime(2024, 1, 2, tzinfo=UTC), None, None],
        picture=[b"x", b"y", b"z"],
    )
    columns = {"prompt": "q", "language": "lang", "source_id": "id", "when": "when", "at": "at"}
    first, second, third = read_rows(source("x.parquet", language=None, columns=columns), tmp_path)
    assert first == Row(
        "de",
        "1",
        [{"role": "user", "content": "a"}],
        {"when": "2024-01-02", "at": "2024-01-02T00:00:00+00:00"},
        "x.parquet row 1",
    )
    assert second == BadRow("x.parquet row 2", "'q': the last turn is blank")
    assert third == BadRow("x.parquet row 3", "'lang' is null")


def test_parquet_rows_are_numbered_across_batches(tmp_path):
    table(tmp_path / "x.parquet", prompt=[str(number) for number in range(1000)])
    rows = list(read_rows(source("x.parquet"), tmp_path))
    assert rows[999].where == "x.parquet row 1000"
    assert texts(rows) == [str(number) for number in range(1000)]


def test_a_parquet_value_that_is_not_utf_8_is_one_bad_row(tmp_path):
    raw = pa.array([b"a", b"\xff", b"c"], pa.binary())
    pq.write_table(pa.table({"prompt": pa.Array.from_buffers(pa.string(), 3, raw.buffers())}), tmp_path / "x.parquet")
    first, second, third = read_rows(source("x.parquet"), tmp_path)
    assert texts([first, third]) == ["a", "c"]
    assert second.where == "x.parquet row 2"
    assert "cannot be read" in second.why


def test_parquet_columns_with_dots_and_nanoseconds(tmp_path):
    when = pa.array([1, 1_000], pa.timestamp("ns"))
    pq.write_table(pa.table({"a.b": ["x", "y"], "when": when}), tmp_path / "x.parquet")
    columns = {"prompt": "a.b", "when": "when"}
    first, second = read_rows(source("x.parquet", columns=columns), tmp_path)
    assert isinstance(first, BadRow) or first.columns["when"].startswith("1970-01-01T00:00:00")
    assert second.columns == {"when": "1970-01-01T00:00:00.000001"}
    assert texts([second]) == ["y"]


def test_a_folder_is_its_files_in_order(tmp_path):
    jsonl(tmp_path / "p" / "b.jsonl", {"prompt": "3"})
    jsonl(tmp_path / "p" / "a" / "z.jsonl", {"prompt": "2"})
    table(tmp_path / "p" / "a" / "a.PARQUET", prompt=["1"])
    jsonl(tmp_path / "p" / ".checkpoints" / "b.jsonl", {"prompt": "3"})
    (tmp_path / "p" / "README.md").write_text("not prompts")
    for path in ("p", "p/", "./p", str(tmp_path / "p")):
        rows = list(read_rows(source(path), tmp_path))
        assert texts(rows) == ["1", "2", "3"]
    assert [row.where for row in read_rows(source("p"), tmp_path)] == [
        "p/a/a.PARQUET row 1",
        "p/a/z.jsonl:1",
        "p/b.jsonl:1",
    ]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no.jsonl", "no.jsonl: no such file or folder (looked for "),
        ("./no", "./no: no such file or folder"),
        ("/no/such/folder", "/no/such/folder: no such file or folder"),
        ("empty", "empty: the folder holds no .jsonl and no .parquet file (looked in "),
        ("x.csv", "x.csv: is neither .jsonl nor .parquet; convert it"),
        ("bad.parquet", "bad.parquet: is not a Parquet file that can be read: "),
        ("wide.jsonl", "wide.jsonl: is UTF-16; save it as UTF-8"),
        ("x.jsonl", "x.jsonl: has no column 'prompt'; it has promt, b: name one of these in columns"),
        ("x.parquet", "x.parquet: has no column 'prompt'; it has promt: name one of these in columns"),
    ],
)
def test_what_cannot_be_read(tmp_path, path, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "x.csv").write_text("prompt\nhi\n")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and no more")
    (tmp_path / "wide.jsonl").write_text('{"prompt": "a"}\n', encoding="utf-16")
    jsonl(tmp_path / "x.jsonl", *[{"promt": "a"}] * 999, {"b": 1}, {"prompt": "too late"})
    table(tmp_path / "x.parquet", promt=["a"])
    with pytest.raises(PromptError) as caught:
        list(read_rows(source(path), tmp_path))
    assert str(caught.value).startswith(message)


def test_a_truncated_parquet_file(tmp_path):
    table(tmp_path / "x.parquet", prompt=["a" * 1000] * 1000)
    whole = (tmp_path / "x.parquet").read_bytes()
    (tmp_path / "x.parquet").write_bytes(whole[:4] + b"\0" * (len(whole) - 1000) + whole[len(whole) - 996 :])
    with pytest.raises(PromptError, match=r"x\.parquet: "):
        list(read_rows(source("x.parquet"), tmp_path))


def test_a_column_is_missing_only_when_a_thousand_rows_lack_it(tmp_path):
    jsonl(tmp_path / "x.jsonl", *[{"promt": "a"}] * 999, {"prompt": "b"})
    rows = list(read_rows(source("x.jsonl"), tmp_path))
    assert rows[998] == BadRow("x.jsonl:999", "'prompt' is missing")
    assert texts(rows[999:]) == ["b"]


def test_a_mistyped_carried_column_is_found_before_any_row(tmp_path):
    jsonl(tmp_path / "x.jsonl", {"prompt": "a", "answer": "b"})
    rows = read_rows(source("x.jsonl", columns={"prompt": "prompt", "reference": "anwser"}), tmp_path)
    with pytest.raises(PromptError, match="has no column 'anwser'; it has prompt, answer"):
        next(rows)


def test_a_carried_column_may_be_absent_from_a_row(tmp_path):
    jsonl(tmp_path / "x.jsonl", {"prompt": "a"}, {"prompt": "b", "answer": "c"})
    rows = read_rows(source("x.jsonl", columns={"prompt": "prompt", "reference": "answer"}), tmp_path)
    assert [row.columns["reference"] for row in rows] == [None, "c"]


def test_an_empty_file_has_no_rows(tmp_path):
    jsonl(tmp_path / "x.jsonl")
    table(tmp_path / "x.parquet", prompt=pa.array([], pa.string()))
    assert [*read_rows(source("x.jsonl"), tmp_path), *read_rows(source("x.parquet"), tmp_path)] == []


def test_memory_does_not_grow_with_the_file(tmp_path):
    def peak(rows):
        jsonl(tmp_path / "x.jsonl", *({"prompt": f"{number} " + "x" * 1000} for number in range(rows)))
        tracemalloc.start()
        assert sum(1 for _ in read_rows(source("x.jsonl"), tmp_path)) == rows
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(10)
    assert peak(10_000) < peak(500) + 500_000
