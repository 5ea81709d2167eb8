import math
import shutil
import socket
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from arbitrage.dataset import reproduce
from arbitrage.recipe.published import recipe_yaml
from arbitrage.records import Answer, Asked, Route, Routed
from dataset.tampering import edit_manifest, rewrite, said
from dataset.world import PUBLISHED, build, items, prompts, recipe, route
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

REBUILT = {"random", "single_north", "reward", "preferences", "routes"}


def test_a_written_folder_is_the_same(folder: Path) -> None:
    report = reproduce(folder)
    assert report.same, said(report)
    assert report.notes == []
    assert report.counts["files"] == len(list(folder.rglob("*.parquet")))
    assert report.counts["prompts"] == 84
    assert report.counts["decided again"] == 84 * 4


def test_pictures_are_nobodys_proof(folder: Path) -> None:
    (folder / "assets/wins.png").write_bytes(b"another picture")
    assert reproduce(folder).same
    shutil.rmtree(folder / "assets")
    assert reproduce(folder).same


def changed(value: Any, kind: pa.DataType) -> Any:
    if pa.types.is_struct(kind):
        if value is None:
            return {field.name: changed(None, field.type) for field in kind}
        first = kind.field(0)
        return {**value, first.name: changed(value[first.name], first.type)}
    if pa.types.is_list(kind):
        return [*value[:-1], changed(value[-1], kind.value_type)] if value else [changed(None, kind.value_type)]
    if pa.types.is_string(kind):
        return (value or "") + "x"
    if pa.types.is_floating(kind):
        return 0.5 if value is None or math.isnan(value) else -value if value == 0 else math.nextafter(value, math.inf)
    return (value or 0) + 1


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_value_is_found_and_named(small: Path, data: st.DataObject) -> None:
    paths = sorted(path.relative_to(small).as_posix() for path in small.rglob("*.parquet"))
    path = data.draw(st.sampled_from(paths))
    content = (small / path).read_bytes()
    table = pq.read_table(small / path)
    column = data.draw(st.sampled_from(table.schema.names))
    row = data.draw(st.integers(0, table.num_rows - 1))

    def change(rows: list[dict[str, Any]]) -> None:
        rows[row][column] = changed(rows[row][column], table.schema.field(column).type)

    try:
        rewrite(small / path, change)
        report = reproduce(small)
    finally:
        (small / path).write_bytes(content)
    said(report)
    named = [problem for problem in report.problems if problem.path == path]
    assert any("rows 0-" in problem.message for problem in named)
    if path.split("/")[0] in REBUILT:
        assert any(problem.row == row for problem in named)
        if column != "prompt_id":
            assert any((problem.row, problem.column) == (row, column) for problem in named)


def test_every_column_of_every_table(small: Path) -> None:
    for table in [*sorted(REBUILT), "pool"]:
        path = small / table / "de/train-00000.parquet"
        content = path.read_bytes()
        schema = pq.read_schema(path)
        for field in schema:
            rewrite(
                path, lambda rows, field=field: rows[1].update({field.name: changed(rows[1][field.name], field.type)})
            )
            report = reproduce(small)
            path.write_bytes(content)
            found = [(p.row, p.column) for p in report.problems if p.path == f"{table}/de/train-00000.parquet"]
            assert found, field.name
            if table != "pool" and field.name != "prompt_id":
                assert (1, field.name) in found, (table, field.name, report.problems)


def test_added_dropped_and_swapped_rows_are_located(folder: Path) -> None:
    path = folder / "reward/de/train-00000.parquet"
    dropped = pq.read_table(path).to_pylist()[5]["prompt_id"]
    rewrite(path, lambda rows: rows.pop(5))
    text = said(reproduce(folder))
    assert f"prompt {dropped}: lacks the row that pool and routes give" in text
    assert "has 39 rows, the manifest says 40" in text

    rewrite(folder / "preferences/ar/test-00000.parquet", lambda rows: rows.append({**rows[-1], "prompt_id": "f" * 32}))
    assert "has a row that pool and routes do not give" in said(reproduce(folder))
    rewrite(folder / "pool/no/train-00000.parquet", lambda rows: rows.insert(0, rows.pop(1)))
    assert "is out of the order of teachers and draws" in said(reproduce(folder))


def test_a_change_that_covers_its_tracks_is_found(folder: Path) -> None:
    # Somebody rewrites a choice, its row, and every checksum of both: only deciding again can tell.
    from arbitrage.dataset.schema import RowHash
    from arbitrage.dataset.shards import file_sha256

    routes = pq.read_table(folder / "routes/de/train-00000.parquet").to_pylist()
    pool = pq.read_table(folder / "pool/de/train-00000.parquet").to_pylist()
    row, found = next((n, r) for n, r in enumerate(routes) if r["arm"] == "reward" and r["chosen"])
    other = next(
        p
        for p in pool
        if p["prompt_id"] == found["prompt_id"] and p["completion"] and p["teacher"] != found["chosen"]["teacher"]
    )
    rewrite(
        folder / "routes/de/train-00000.parquet",
        lambda rows: rows[row].update(chosen={"teacher": other["teacher"], "draw": 0}),
    )

    def forge(rows: list[dict[str, Any]]) -> None:
        mine = next(r for r in rows if r["prompt_id"] == found["prompt_id"])
        mine.update(teacher=other["teacher"], reward=other["reward"], checks=other["checks"])
        mine["completion"] = [{"role": "assistant", "content": other["completion"]}]

    rewrite(folder / "reward/de/train-00000.parquet", forge)

    def rehash(manifest: dict[str, Any]) -> None:
        for path in ("routes/de/train-00000.parquet", "reward/de/train-00000.parquet"):
            rows = RowHash()
            rows.update(pq.read_table(folder / path).to_pylist())
            manifest["files"][path] |= {
                "rows_sha256": rows.all,
                "groups_sha256": rows.groups,
                "file_sha256": file_sha256(folder / path),
                "bytes": (folder / path).stat().st_size,
            }

    edit_manifest(folder, rehash)
    report = reproduce(folder)
    text = said(report)
    assert f"routes/de/train-00000.parquet, row {row}, prompt {found['prompt_id']}, column chosen" in text
    assert {problem.path for problem in report.problems} == {"routes/de/train-00000.parquet", "manifest.json"}


def test_other_encodings_of_the_same_rows(folder: Path) -> None:
    rewrite(folder / "reward/de/train-00000.parquet", lambda rows: None, compression="gzip")
    assert "its bytes changed, its rows did not" in said(reproduce(folder))
    edit_manifest(folder, lambda manifest: manifest["writer"].update(pyarrow="18.1.0"))
    report = reproduce(folder)
    assert report.same
    assert report.notes == ["1 files: same rows, other encoding than pyarrow '18.1.0'"]


def test_missing_and_unlisted_files(folder: Path) -> None:
    shutil.copy(folder / "pool/de/train-00000.parquet", folder / "pool/de/train-00001.parquet")
    (folder / "pool/ar/test-00000.parquet").unlink()
    (folder / "evil\x1b[31m.parquet").write_bytes(b"")
    report = reproduce(folder)
    text = said(report)
    assert "pool/de/train-00001.parquet: is not in the manifest" in text
    assert "pool/ar/test-00000.parquet: is missing" in text
    assert "evil\\x1b[31m.parquet: is not in the manifest" in text
    assert report.notes == ["ar test was not rebuilt: its pool or its routes cannot be read"]


def set_key(*keys: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(manifest: dict[str, Any]) -> None:
        for key in keys[:-1]:
            manifest = manifest[key]
        assert manifest[keys[-1]] != value
        manifest[keys[-1]] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        set_key("name", value="other"),
        set_key("license", value="mit"),
        set_key("languages", value=["de", "no", "ar"]),
        set_key("seed", value=8),
        set_key("recipe", "license", value="mit"),
        set_key("recipe_hash", value="0" * 64),
        set_key("default_config", value="random"),
        set_key("configs", "pool", "train", value=["pool/de/train-*.parquet"]),
        set_key("arms", "reward", "rows", "de", "train", value=41),
        set_key("arms", "reward", "without_row", value={}),
        set_key("common", "de", "reward", "reward", "mean", value=9.0),
        set_key("common", "de", "gain", "reward", "low", value=None),
        set_key("overall", "reward", "reward", "high", value=9.0),
        set_key("overall", value=None),
        set_key("pool", "teachers", "north", "languages", "de", "errors", value={}),
        set_key("arms", "reward", "router", value="random"),
    ],
)
def test_a_manifest_that_says_something_else(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    edit_manifest(folder, change)
    assert "manifest" in said(reproduce(folder))


def test_a_recipe_that_is_another(folder: Path) -> None:
    (folder / "recipe.yaml").write_text(recipe_yaml({**PUBLISHED, "seed": 8}))
    text = said(reproduce(folder))
    assert "recipe.yaml: its hash is" in text
    (folder / "recipe.yaml").write_text("a: [")
    text = said(reproduce(folder))
    assert "recipe.yaml: recipe.yaml:1: " in text
    assert str(folder) not in text
    (folder / "recipe.yaml").unlink()
    assert "recipe.yaml: is missing" in said(reproduce(folder))


def test_a_source_stands_in_one_split(tmp_path: Path) -> None:
    def leaky(language: str, split: str):
        for routed in items(language, split):
            yield replace(routed, prompt=replace(routed.prompt, source_id=routed.prompt.source_id.split("-")[1]))

    build(tmp_path / "dataset", items=leaky)
    report = reproduce(tmp_path / "dataset")
    assert "column source_id: stands in train too" in said(report)
    assert {problem.path for problem in report.problems} == {"pool/de/test-00000.parquet", "pool/ar/test-00000.parquet"}


def test_a_prompt_id_is_the_hash_of_its_prompt(tmp_path: Path) -> None:
    def misnamed(language: str, split: str):
        for number, routed in enumerate(items(language, split)):
            prompt = replace(routed.prompt, id=f"{number:032x}")
            yield Routed(prompt, routed.answers, [])

    build(tmp_path / "dataset", items=misnamed)
    assert "column prompt_id: is not the hash of language and messages" in said(reproduce(tmp_path / "dataset"))


def test_routers_of_ones_own_are_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dataset_evil.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("TR_URL", "http://secret")
    monkeypatch.setattr(socket, "socket", None)
    arms = {**PUBLISHED["arms"], "own": {"router": "dataset_evil:Router"}}
    published = {**PUBLISHED, "arms": arms}

    def with_own(language: str, split: str):
        for routed in items(language, split):
            asked = [Asked(answer.teacher, answer.draw, 0, 1.0) for answer in routed.answers]
            first = next(((a.teacher, a.draw) for a in routed.answers if a.usable), None)
            yield replace(routed, routes=[*routed.routes, Route("own", asked, first, "mine")])

    build(
        tmp_path / "dataset",
        items=with_own,
        recipe=recipe(arms=arms),
        published=published,
        recipe_text=recipe_yaml(published),
    )
    report = reproduce(tmp_path / "dataset")
    assert report.same, said(report)
    assert "arm own: its router 'dataset_evil:Router' is not built in" in report.notes[0]
    rewrite(tmp_path / "dataset/own/de/train-00000.parquet", lambda rows: rows[2].update(teacher="x"))
    assert "own/de/train-00000.parquet, row 2" in said(reproduce(tmp_path / "dataset"))


def test_only_the_first_problems_of_a_file_are_kept(folder: Path) -> None:
    def everything(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["teacher"] = "nobody"

    rewrite(folder / "reward/de/train-00000.parquet", everything)
    report = reproduce(folder)
    assert len(report.problems) == 10
    assert report.unshown == {"reward/de/train-00000.parquet": 31}


def test_groups_tell_where_a_long_file_changed(tmp_path: Path) -> None:
    def many(language: str, split: str):
        for prompt in prompts(language, split, 1200 if (language, split) == ("no", "train") else 0):
            yield route(prompt)

    build(tmp_path / "dataset", items=many)
    path = tmp_path / "dataset/pool/no/train-00000.parquet"
    rewrite(path, lambda rows: rows[3500].update(model="x"))
    assert "pool/no/train-00000.parquet: rows 3000-3999 are not those of the manifest" in said(
        reproduce(tmp_path / "dataset")
    )


@pytest.mark.long
def test_memory_stays_flat(tmp_path: Path) -> None:
    def generated(count: int):
        def generate(language: str, split: str):
            for prompt in prompts(language, split, count) if (language, split) == ("de", "train") else ():
                answer = Answer("north", 0, "m", "r", f"hello {prompt.source_id}", reward=1.0)
                yield Routed(
                    prompt, [answer], [Route("single_north", [Asked("north", 0, 0, 1.0)], ("north", 0), "only answer")]
                )

        return generate

    arms = {"single_north": PUBLISHED["arms"]["single_north"]}
    published = {**PUBLISHED, "arms": arms}
    changes = {"recipe": recipe(arms=arms), "published": published, "recipe_text": recipe_yaml(published)}

    def peak(count: int) -> int:
        build(tmp_path / str(count), items=generated(count), **changes)
        tracemalloc.start()
        assert reproduce(tmp_path / str(count)).same
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(10)
    assert peak(4500) < peak(1500) * 1.3 + 2**19


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("reward/*/train", "random/*/train", "config 'reward' is not the manifest's"),
        ("  default: true\n", "", "the default config is not the manifest's"),
        ("config_name: random-de", "config_name: random-fr", "config 'random-de' is not the manifest's"),
        ("configs:\n", "dataset_info: {features: []}\nconfigs:\n", "column dataset_info"),
        ("configs:\n", "configs: [[[\n", "its head cannot be read"),
        ("configs:\n", "configs: {a: 1}\nold:\n", "its configs are not those of a dataset"),
    ],
)
def test_a_card_that_would_load_other_rows_is_named(folder: Path, old: str, new: str, said: str) -> None:
    card = folder / "README.md"
    text = card.read_text(encoding="utf-8")
    assert old in text
    card.write_text(text.replace(old, new), encoding="utf-8")
    report = reproduce(folder)
    assert said in "\n".join(str(problem) for problem in report.problems)


def test_a_folder_without_its_card_is_named(folder: Path) -> None:
    (folder / "README.md").unlink()
    assert "README.md: is missing" in "\n".join(str(problem) for problem in reproduce(folder).problems)


def test_the_text_of_a_card_is_anybodys(folder: Path) -> None:
    with (folder / "README.md").open("a", encoding="utf-8") as card:
        card.write("\nMy own words.\n")
    assert reproduce(folder).same
