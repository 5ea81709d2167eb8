"""What is imported is not asked, what differs is not imported, and nothing that was stored changes."""

import json
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tgi
from dataset.tampering import edit_manifest, rewrite
from line.trial import Trial, contents, double, rows, teacher


class Pair:
    """A trial of two teachers whose dataset was published before its store was lost."""

    def __init__(self, folder: Path, handles: list[tgi.Handle]) -> None:
        self.handles = handles
        a, b = handles
        arms = {"reward": {"router": "reward"}, "random": {"router": "random"}}
        self.trial = Trial(folder, {"a": teacher("a", a.url), "b": teacher("b", b.url)}, arms=arms)
        self.published = folder / "published"

    def lose_the_store(self) -> None:
        shutil.copytree(self.trial.dataset, self.published)
        shutil.rmtree(self.trial.run_folder)
        for handle in self.handles:
            handle.log.clear()

    def bring(self, source: str | None = None) -> dict[str, Any]:
        self.trial.write()
        ran = self.trial.run("import", source or str(self.published), "--json")
        assert ran.code in (0, 1), ran
        assert (ran.code == 1) == bool(ran.json["unreadable"])
        return dict(ran.json)

    @property
    def asked(self) -> list[int]:
        return [len(handle.log) for handle in self.handles]


@pytest.fixture(scope="module")
def handles() -> Iterator[list[tgi.Handle]]:
    with tgi.serve([double("a"), double("b")]) as served:
        yield served


@pytest.fixture
def pair(tmp_path: Path, handles: list[tgi.Handle]) -> Iterator[Pair]:
    made = Pair(tmp_path, handles)
    assert made.trial.build().code == 0
    made.lose_the_store()
    yield made
    for handle in handles:
        handle.faults.clear()
        handle.log.clear()


def counts(found: dict[str, Any]) -> dict[str, int]:
    return {key: value for key, value in found.items() if isinstance(value, int) and value}


def test_a_lost_store_is_not_paid_again(pair: Pair) -> None:
    before = contents(pair.published)
    assert counts(pair.bring()) == {"read": 24, "imported": 24, "asked": 24}
    assert pair.trial.query("SELECT DISTINCT imported_from FROM completion") == [("published",)]
    assert pair.asked == [0, 0]
    assert pair.trial.build().code == 0
    assert pair.asked == [0, 0]
    after = contents(pair.trial.dataset)
    fact = json.loads(after["manifest.json"]).pop("imported")
    assert fact == {"a": {"published": 12}, "b": {"published": 12}}
    apart = {path for path in before if before[path] != after.get(path)}
    assert after.keys() == before.keys()
    assert apart <= {"manifest.json", "README.md"}
    manifests = [json.loads(files["manifest.json"]) for files in (before, after)]
    assert {**manifests[0], "imported": fact} == manifests[1]


def test_again_adds_nothing_and_changes_nothing_that_is_stored(pair: Pair) -> None:
    pair.bring()
    before = pair.trial.query("SELECT * FROM completion ORDER BY id")
    assert counts(pair.bring()) == {"read": 24, "stored": 24, "asked": 24}
    rewrite(
        next(pair.published.glob("pool/de/train-*.parquet")), lambda rows: [row.update(completion="x") for row in rows]
    )
    ran = pair.trial.run("import", str(pair.published))
    assert ran.code == 2
    assert "the pool is not what its manifest says; nothing was imported" in ran.err
    assert pair.trial.query("SELECT * FROM completion ORDER BY id") == before


def test_what_was_asked_since_stays(pair: Pair) -> None:
    assert pair.trial.build().code == 0
    before = pair.trial.query("SELECT * FROM completion ORDER BY id")
    assert counts(pair.bring()) == {"read": 24, "stored": 24, "asked": 24}
    assert pair.trial.query("SELECT * FROM completion ORDER BY id") == before
    assert pair.trial.query("SELECT DISTINCT imported_from FROM completion") == [(None,)]


def test_a_teacher_that_is_gone_can_still_be_built_with(pair: Pair) -> None:
    pair.trial.teachers["a"]["endpoint"] = ["http://127.0.0.1:9"]
    pair.bring()
    assert pair.trial.build().code == 0
    assert pair.asked == [0, 0]


def test_the_nickname_and_the_endpoint_do_not_matter(pair: Pair) -> None:
    pair.trial.teachers = {"renamed": pair.trial.teachers["a"], "b": pair.trial.teachers["b"]}
    assert counts(pair.bring()) == {"read": 24, "imported": 24, "asked": 24}
    assert pair.trial.build().code == 0
    assert pair.asked == [0, 0]


CHANGES: dict[str, tuple[dict[str, Any], int]] = {
    "sampling": ({"sampling": {"temperature": 0.9}}, 12),
    "system": ({"system": {"de": "Kurz."}}, 6),
    "format": ({"format": "raw"}, 12),
    "api": ({"api": "openai"}, 12),
    "extra": ({"extra": {"frequency_penalty": 0.1}}, 12),
    "pinned revision": ({"revision": "f" * 40}, 12),
}


@pytest.mark.parametrize(("change", "lost"), CHANGES.values(), ids=CHANGES)
def test_other_settings_import_nothing_false(pair: Pair, change: dict[str, Any], lost: int) -> None:
    pair.trial.teachers["a"] |= change
    assert counts(pair.bring()) == {"read": 24, "imported": 24 - lost, "asked": 24 - lost, "other": lost}
    if "revision" in change:
        pair.handles[0].faults.set(info_sha="f" * 40)
    assert pair.trial.build().code == 0
    assert pair.asked == [lost, 0]


def test_another_revision_that_is_served_is_asked_again(pair: Pair) -> None:
    pair.handles[0].faults.set(info_sha="f" * 40)
    pair.bring()
    assert pair.trial.build().code == 0
    assert pair.asked == [12, 0]
    manifest = json.loads((pair.trial.dataset / "manifest.json").read_bytes())
    assert manifest["imported"] == {"b": {"published": 12}}


def test_failed_asks_are_asked_again_and_more_prompts_are_asked(pair: Pair, handles: list[tgi.Handle]) -> None:
    shutil.rmtree(pair.published)
    pair.trial.more["tolerate"] = 1
    for handle in handles:
        handle.faults.set(by_prompt={"validation": 0.5})
    pair.trial.build()
    failed = sum(row["error"] is not None for row in pair.trial.pool())
    assert 0 < failed < 24
    for handle in handles:
        handle.faults.clear()
    pair.lose_the_store()
    pair.trial.prompts = rows(8)
    found = pair.bring()
    assert counts(found) == {"read": 24, "imported": 24 - failed, "asked": 24 - failed, "not_text": failed}
    assert pair.trial.build().code == 0
    assert sum(pair.asked) == failed + 8


def test_prompts_that_the_recipe_lacks_are_kept_and_said(pair: Pair) -> None:
    pair.trial.prompts = rows(2)
    assert counts(pair.bring()) == {"read": 24, "imported": 24, "asked": 8}
    pair.trial.prompts = rows(6)
    assert pair.trial.build().code == 0
    assert pair.asked == [0, 0]


def _path(pair: Pair) -> None:
    file = next(iter(json.loads((pair.published / "manifest.json").read_bytes())["files"].values()))
    edit_manifest(pair.published, lambda manifest: manifest["files"].update({"pool/../../x/train-00000.parquet": file}))


def _link(pair: Pair) -> None:
    path = next(pair.published.glob("pool/de/train-*.parquet"))
    path.rename(pair.trial.folder / "outside.parquet")
    path.symlink_to(pair.trial.folder / "outside.parquet")


def _schema(pair: Pair) -> None:
    path = next(pair.published.glob("pool/de/train-*.parquet"))
    table = pq.read_table(path)
    place = table.schema.get_field_index("draw")
    pq.write_table(table.set_column(place, "draw", table["draw"].cast(pa.string())), path)


def _garbage(pair: Pair) -> None:
    next(pair.published.glob("pool/de/train-*.parquet")).write_bytes(b"PAR1 nothing PAR1")


def _recipe(pair: Pair) -> None:
    path = pair.published / "recipe.yaml"
    path.write_text(path.read_text().replace("temperature: 0.3", "temperature: 0.9"))


def _variables(pair: Pair) -> None:
    path = pair.published / "recipe.yaml"
    path.write_text(path.read_text().replace("${TEACHER_URL_a}", "${HOME}"))


def _no_manifest(pair: Pair) -> None:
    (pair.published / "manifest.json").unlink()


HOSTILE: dict[str, tuple[Callable[[Pair], None], str]] = {
    "path": (_path, "files"),
    "link": (_link, "leads out of the folder"),
    "schema": (_schema, "column draw is string, not int64"),
    "garbage": (_garbage, "is no Parquet file that can be read"),
    "recipe": (_recipe, "is not the recipe that the manifest names"),
    "variables": (_variables, "is not the recipe that the manifest names"),
    "no manifest": (_no_manifest, "a dataset folder holds a manifest.json"),
}


@pytest.mark.parametrize(("harm", "says"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_folder_is_refused_with_one_message_and_nothing_of_it_stays(
    pair: Pair, harm: Callable[[Pair], None], says: str
) -> None:
    harm(pair)
    pair.trial.write()
    ran = pair.trial.run("import", str(pair.published))
    assert ran.code == 2
    assert says in ran.err
    assert not pair.trial.store.exists()


def _agree(pair: Pair, path: Path) -> None:
    """Make the manifest agree with a pool file, as whoever made the folder could."""
    from arbitrage.dataset.schema import RowHash

    found = RowHash()
    found.update(pq.read_table(path).to_pylist())
    facts = {"rows_sha256": found.all, "groups_sha256": found.groups, "bytes": path.stat().st_size}
    facts["file_sha256"] = sha256(path.read_bytes()).hexdigest()
    name = path.relative_to(pair.published).as_posix()
    edit_manifest(pair.published, lambda manifest: manifest["files"][name].update(facts))


ROWS: dict[str, tuple[dict[str, Any], str]] = {
    "another prompt's id": ({"prompt_id": "0" * 32}, "prompt_id is not the hash of language and messages"),
    "no prompt": ({"prompt": []}, "is an empty list"),
    "overlong revision": ({"revision": "r" * 101}, "revision cannot name a revision"),
    "revision that steers": ({"revision": "a\x1b[31m"}, "revision cannot name a revision"),
    "negative draw": ({"draw": -1}, "draw is no number of a draw"),
    "negative tokens": ({"prompt_tokens": -1}, "prompt_tokens is no count"),
    "teacher of another model": ({"model": "org/b\n"}, "recipe.yaml has no such teacher with this model"),
    "unknown teacher": ({"teacher": "\x1b[2J"}, "recipe.yaml has no such teacher with this model"),
    "unknown counter": ({"tokens_from": "me"}, "tokens_from is neither usage nor details"),
    "overlong reason": ({"finish_reason": "x" * 41}, "finish_reason is too long"),
    "hole": ({"source_id": None}, "lacks source_id"),
}


@pytest.mark.parametrize(("change", "says"), ROWS.values(), ids=ROWS)
def test_a_row_that_is_none_is_named_and_the_rest_comes_in(pair: Pair, change: dict[str, Any], says: str) -> None:
    path = next(pair.published.glob("pool/de/train-*.parquet"))
    rewrite(path, lambda rows: rows[0].update(change))
    _agree(pair, path)
    found = pair.bring()
    assert counts(found) == {"read": 24, "imported": 23, "asked": 23, "unreadable": 1}
    (line,) = found["named"]
    assert line.startswith("published/pool/de/train-00000.parquet row 0: ")
    assert says in line


def test_the_recipe_of_a_folder_runs_nothing_and_reads_no_variable(pair: Pair, tmp_path: Path) -> None:
    from arbitrage.recipe.document import read_document
    from arbitrage.recipe.published import recipe_hash

    path = pair.published / "recipe.yaml"
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')")
    text = path.read_text().replace("python: chrf", "python: evil:run").replace("router: reward", "router: evil:Run")
    path.write_text(text.replace("system: {}", 'system: {de: "${HOME}"}', 1))
    named = recipe_hash(read_document(path).data)
    edit_manifest(pair.published, lambda manifest: manifest.update(recipe_hash=named))
    assert pair.bring()["other"] == 6
    pair.trial.teachers["a"]["system"] = {"de": "$${HOME}"}


def batch(pair: Pair, **more: Any) -> list[dict[str, Any]]:
    return [
        {
            "prompt": row["prompt"],
            "language": row["language"],
            "teacher": name,
            "completion": f"{name}: {row['prompt']}",
            **more,
        }
        for row in pair.trial.prompts
        for name in ("a", "b")
    ]


def write(path: Path, lines: list[Any]) -> str:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + "\n")
    return str(path)


def test_an_offline_batch_comes_in_and_nobody_is_asked(pair: Pair) -> None:
    source = write(pair.trial.folder / "batch.jsonl", batch(pair, prompt_tokens=3, completion_tokens=5))
    assert counts(pair.bring(source)) == {"read": 24, "imported": 24, "asked": 24}
    assert pair.trial.build().code == 0
    assert pair.asked == [0, 0]
    first = pair.trial.pool()[0]
    assert first["completion"] == f"{first['teacher']}: {first['prompt'][0]['content']}"
    assert first["revision"] == pair.handles[0 if first["teacher"] == "a" else 1].double.model_sha
    assert (first["prompt_tokens"], first["completion_tokens"], first["tokens_from"]) == (3, 5, "usage")
    text = (pair.trial.dataset / "manifest.json").read_text()
    assert json.loads(text)["imported"] == {"a": {"batch.jsonl": 12}, "b": {"batch.jsonl": 12}}
    assert str(pair.trial.folder) not in text


def test_parquet_messages_and_reasoning(pair: Pair) -> None:
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
        for row in pair.trial.prompts
    ]
    path = pair.trial.folder / "batch.parquet"
    pq.write_table(pa.Table.from_pylist(table), path)
    assert counts(pair.bring(str(path))) == {"read": 12, "imported": 12, "asked": 12}
    found = pair.trial.query("SELECT DISTINCT text, reasoning, finish_reason, tokens_from, draw FROM completion")
    assert found == [("Ja.", "Hm.", "stop", None, 0)]
    assert pair.trial.build().code == 0
    assert pair.asked == [0, 12]


def test_the_language_may_be_absent_where_there_is_one(pair: Pair) -> None:
    pair.trial.more["languages"] = ["de"]
    lines = [row for row in batch(pair) if row.pop("language") == "de"]
    assert counts(pair.bring(write(pair.trial.folder / "batch.jsonl", lines))) == {
        "read": 12,
        "imported": 12,
        "asked": 12,
    }
    assert pair.trial.build().code == 0
    assert pair.asked == [0, 0]


def test_a_revision_is_the_rows_then_the_recipes_then_what_is_known(pair: Pair) -> None:
    pair.trial.teachers["a"]["revision"] = pair.handles[0].double.model_sha
    pair.trial.teachers["b"]["endpoint"] = ["http://127.0.0.1:9"]
    lines = [*batch(pair), {**batch(pair)[0], "revision": "other"}, {**batch(pair)[1], "revision": "other"}]
    source = write(pair.trial.folder / "batch.jsonl", lines)
    pair.trial.write()
    ran = pair.trial.run("import", source, "--json")
    assert "teacher b: nobody says its revision" in ran.err
    assert counts(ran.json) == {"read": 26, "imported": 25, "other": 1, "asked": 25}
    found = dict(pair.trial.query("SELECT model || ' ' || revision, count(*) FROM completion GROUP BY 1"))
    assert found == {f"org/a {pair.handles[0].double.model_sha}": 12, "org/b unverified": 12, "org/b other": 1}


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
def test_a_bad_line_is_named_and_the_rest_comes_in(pair: Pair, line: Any, says: str) -> None:
    lines = batch(pair)
    source = write(pair.trial.folder / "batch.jsonl", [lines[0], line, lines[1]])
    found = pair.bring(source)
    assert counts(found) == {"read": 3, "imported": 2, "asked": 2, "unreadable": 1}
    assert says in found["named"][0]


def test_many_bad_lines_are_counted_and_the_log_names_them(pair: Pair) -> None:
    found = pair.bring(write(pair.trial.folder / "batch.jsonl", [*batch(pair), *["{"] * 100]))
    assert found["unreadable"] == 100
    assert len(found["named"]) == 20
    assert (pair.trial.run_folder / "run.log").read_text().count("unreadable: ") == 100


def test_rows_without_a_completion_are_counted(pair: Pair) -> None:
    source = write(pair.trial.folder / "batch.jsonl", batch(pair, completion=None))
    assert counts(pair.bring(source)) == {"read": 24, "not_text": 24}


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("batch.jsonl", '{"teacher": "aa", "prompt": "x", "language": "de", "completion": "y"}', "did you mean 'a'?"),
        ("batch.csv", "", "is neither .jsonl nor .parquet"),
        ("batch.parquet", "PAR1", "is not a Parquet file that can be read"),
        ("absent.jsonl", None, "no such file or folder"),
    ],
)
def test_what_cannot_be_imported_is_said(pair: Pair, name: str, content: str | None, says: str) -> None:
    path = pair.trial.folder / name
    if content is not None:
        path.write_text(content)
    pair.trial.write()
    ran = pair.trial.run("import", str(path))
    assert ran.code == 2
    assert says in ran.err


def test_a_parquet_file_without_the_columns_is_refused(pair: Pair) -> None:
    path = pair.trial.folder / "batch.parquet"
    pq.write_table(pa.table({"teacher": ["a"], "answer": ["y"]}), path)
    pair.trial.write()
    ran = pair.trial.run("import", str(path))
    assert ran.code == 2
    assert "has no column 'completion', 'prompt'; it has teacher, answer: rename yours" in ran.err


def test_an_older_store_takes_imports(pair: Pair) -> None:
    import sqlite3

    from arbitrage.store.schema import TABLES

    pair.trial.run_folder.mkdir(parents=True)
    with sqlite3.connect(pair.trial.store) as connection:
        connection.executescript(f"{TABLES} PRAGMA user_version = 1;")
        connection.execute(
            "INSERT INTO completion (id, prompt_id, model, revision, draw) VALUES ('c', 'p', 'm', 'r', 0)"
        )
    connection.close()
    assert pair.bring()["imported"] == 24
    assert pair.trial.query("SELECT imported_from FROM completion WHERE id = 'c'") == [(None,)]


def test_killed_at_any_moment_the_same_import_goes_on(pair: Pair) -> None:
    pair.trial.prompts = rows(10_000)
    source = write(pair.trial.folder / "batch.jsonl", batch(pair))
    pair.trial.write()
    stored = 0
    for _ in range(4):
        with pair.trial.start("import", source) as process:
            while process.poll() is None and _stored(pair.trial) <= stored:
                time.sleep(0.01)
            time.sleep(0.02)
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=30)
        assert _stored(pair.trial) >= stored
        stored = _stored(pair.trial)
        assert stored % 500 == 0
    assert 0 < stored < 40_000
    found = pair.bring(source)
    assert counts(found) == {"read": 40_000, "imported": 40_000 - stored, "stored": stored, "asked": 40_000}


def _stored(trial: Trial) -> int:
    if not trial.store.exists() or not trial.query("SELECT 1 FROM sqlite_master WHERE name = 'completion'"):
        return 0
    return int(trial.query("SELECT count(*) FROM completion")[0][0])
