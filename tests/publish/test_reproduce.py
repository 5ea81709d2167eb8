"""Datasets rebuilt by their name, from repositories that nobody vouches for."""

import json
import shutil
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from arbitrage.dataset.shards import SETTINGS
from arbitrage.errors import HubError
from arbitrage.hub.download import dataset_at
from line.trial import SOURCES, Ran
from publish.site import Site

POOL = "pool/de/train-00000.parquet"


def reproduce(site: Site, folder: Path, *arguments: str, code: int = 0, **environ: str) -> Ran:
    """Reproduce in an empty folder and a process of its own."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "arbitrage", "reproduce", *arguments],
        cwd=folder,
        env={**site.env(), "PYTHONPATH": ":".join(SOURCES), **environ},
        capture_output=True,
        text=True,
        timeout=120,
    )
    ran = Ran(done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in ran.out + ran.err, ran
    assert ran.code == code, ran
    return ran


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    return tmp_path / "empty"


@pytest.fixture
def published(site: Site) -> Site:
    site.publish()
    return site


def table(site: Site, path: str) -> pa.Table:
    return pq.read_table(BytesIO(site.repo.read("main", path)))


def written(table: pa.Table, **options: Any) -> bytes:
    sink = BytesIO()
    pq.write_table(table, sink, **{**SETTINGS, **options})
    return sink.getvalue()


def manifest(site: Site) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(site.repo.read("main", "manifest.json"))
    return found


def test_a_version_is_rebuilt_by_its_name_alone(published: Site, empty: Path) -> None:
    published.trial.teachers["c"] = published.teachers["c"]
    published.build()
    published.publish()
    ran = reproduce(published, empty, "org/data", "--revision", "v1.1.0")
    assert f"org/data@v1.1.0 is commit {published.repo.tags()['v1.1.0']}" in ran.out
    assert "the same (" in ran.out
    assert list(empty.iterdir()) == []
    # The same from the cache, and by the other way to name it.
    before = len(published.server.log)
    assert reproduce(published, empty, "org/data@v1.1.0", "--json").json["same"]
    assert not any(request.method == "GET" and "/resolve/" in request.path for request in published.server.log[before:])
    assert reproduce(published, empty, "org/data@v1.0.0", "--json").json["same"]
    left = Path(published.environ["HF_HOME"], "hub")
    assert [path.name for path in left.iterdir() if path.name.startswith("arbitrage-")] == []


def test_one_flipped_value_is_named_by_file_row_and_column(published: Site, empty: Path) -> None:
    path = "reward/de/train-00000.parquet"
    rows = table(published, path).to_pylist()
    rows[1]["completion"][0]["content"] += "?"
    published.repo.push({path: written(pa.Table.from_pylist(rows, schema=table(published, path).schema))})
    ran = reproduce(published, empty, "org/data", code=1)
    assert f"{path}, row 1, prompt {rows[1]['prompt_id']}, column completion: is " in ran.out
    assert "NOT the same" in ran.out
    assert "the same (" in reproduce(published, empty, "org/data", "--revision", "v1.0.0").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["org/data", "--revision", "v9.0.0"], "org/data@v9.0.0: has no such revision"),
        (["org/none"], "org/none: no such dataset on the Hub, or a private one"),
        (["org/data@v1.0.0", "--revision", "v1.1.0"], "say one"),
        (["not a name"], "is neither a folder here nor a dataset on the Hub"),
        (["../etc/passwd"], "is neither a folder here nor a dataset on the Hub"),
        ([".", "--revision", "v1.0.0"], "is a folder here, and has no versions"),
    ],
)
def test_what_is_not_there_is_named(published: Site, empty: Path, arguments: list[str], message: str) -> None:
    assert message in reproduce(published, empty, *arguments, code=2).err


def test_a_repository_without_a_manifest_is_named(site: Site, empty: Path) -> None:
    site.server.create("org/data").push({"data/train.parquet": "rows"})
    assert "org/data: holds no manifest.json" in reproduce(site, empty, "org/data", code=2).err


def test_a_private_one_needs_a_token(site: Site, empty: Path) -> None:
    site.publish("--private")
    assert (
        "org/data: no such dataset on the Hub, or a private one"
        in reproduce(site, empty, "org/data", code=2, HF_TOKEN=site.server.other_token).err
    )
    assert reproduce(site, empty, "org/data").code == 0


def test_nothing_that_a_recipe_names_is_imported_asked_or_expanded(site: Site, empty: Path) -> None:
    site.trial.arms["evil"] = {"router": "evil:Router"}
    site.trial.more["rewards"] = {"evil": {"python": "evil:score"}}
    (site.trial.folder / "evil.py").write_text(EVIL)
    site.build()
    site.publish()
    # Beside whoever reproduces, and with another host and a variable in the endpoints.
    empty.mkdir()
    (empty / "evil.py").write_text("open('imported', 'w')")
    recipe = site.repo.read("main", "recipe.yaml").decode()
    assert "${TEACHER_URL_a}" in recipe
    asked = f"{site.server.url}/${{SECRET}}"
    site.repo.push({"recipe.yaml": recipe.replace("${TEACHER_URL_a}", asked)})
    before = len(site.server.log)
    ran = reproduce(site, empty, "org/data", code=1, SECRET="s3cret", PYTHONSAFEPATH="")
    assert "recipe.yaml" in ran.out
    assert "s3cret" not in ran.out + ran.err
    assert not (empty / "imported").exists()
    assert not any("SECRET" in request.path or "s3cret" in request.path for request in site.server.log[before:])
    ran = reproduce(site, empty, "org/data@v1.0.0")
    assert "arm evil: its router 'evil:Router' is not built in" in ran.out
    assert not (empty / "imported").exists()


EVIL = """
from arbitrage.records import Ask, Choice

class Router:
    def __init__(self, setting):
        self.pool = setting.pool

    def decide(self, prompt, answers):
        if answers:
            return Choice((answers[0].teacher, answers[0].draw), "the first")
        return [Ask(self.pool[prompt.language][0])]

def score(prompts, completions, **columns):
    return [float(len(completion[0]["content"])) for completion in completions]
"""


def _larger_than_it_says(site: Site) -> dict[str, bytes | str]:
    return {POOL: b"\0" * (3 * 2**20)}


def _other_columns(site: Site) -> dict[str, bytes | str]:
    return {POOL: written(pa.table({"prompt_id": ["x"], "evil": [1]}))}


def _other_types(site: Site) -> dict[str, bytes | str]:
    found = table(site, POOL)
    place = found.schema.get_field_index("reward")
    return {POOL: written(found.set_column(place, "reward", pa.array(["1.0"] * found.num_rows)))}


def _bomb(site: Site) -> dict[str, bytes | str]:
    """A file of a few kilobytes that says it holds 60 million rows in one group."""
    rows = pa.table({"prompt_id": pa.nulls(60_000_000, pa.string())})
    return {POOL: written(rows, row_group_size=60_000_000, write_page_index=False, use_content_defined_chunking=False)}


def _no_parquet(site: Site) -> dict[str, bytes | str]:
    return {POOL: "PAR1 and then nothing PAR1"}


def _gone(site: Site) -> dict[str, bytes | str | None]:
    return {POOL: None}


def _more(site: Site) -> dict[str, bytes | str]:
    return {"reward/de/train-00001.parquet": site.repo.read("main", "reward/de/train-00000.parquet")}


def _deep_recipe(site: Site) -> dict[str, bytes | str]:
    return {"recipe.yaml": "a: &a [1, 1]\n" + "".join(f"b{n}: &b{n} [*a, *a]\n" for n in range(50)) + "[" * 5000}


def _huge_recipe(site: Site) -> dict[str, bytes | str]:
    return {"recipe.yaml": "# " + "x" * (5 * 2**20)}


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (_larger_than_it_says, "bytes on the Hub, the manifest says"),
        (_other_columns, "has columns prompt_id, evil instead of"),
        (_other_types, "column reward is string, not double"),
        (_bomb, "row group 0 is too large to read"),
        (_no_parquet, "is no Parquet file that can be read"),
        (_gone, "is missing"),
        (_more, "reward/de/train-00001.parquet: is not in the manifest"),
        (_deep_recipe, "recipe.yaml"),
        (_huge_recipe, "recipe.yaml: is missing"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_hostile_file_is_named_and_does_no_harm(published: Site, empty: Path, tamper: Any, message: str) -> None:
    published.repo.push(tamper(published))
    assert message in reproduce(published, empty, "org/data", code=1).out


@pytest.mark.parametrize(
    "path", ["../../evil.parquet", "/etc/passwd", "pool/de/../x.parquet", "pool\\de\\train-00000.parquet"]
)
def test_a_path_that_leads_elsewhere_is_refused(published: Site, empty: Path, path: str) -> None:
    data = manifest(published)
    data["files"][path] = data["files"].pop(POOL)
    published.repo.push({"manifest.json": json.dumps(data)})
    assert "org/data" in reproduce(published, empty, "org/data", code=2).err
    assert list(empty.iterdir()) == []


def test_what_does_not_fit_onto_the_disk_is_refused_before_it_is_downloaded(
    published: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = SimpleNamespace(free=60_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: full)
    before = len(published.server.log)
    with pytest.raises(HubError, match=r"org/data: needs 0\.0 GB"), dataset_at("org/data", "v1.0.0"):
        pass
    assert not any(".parquet" in request.path for request in published.server.log[before:])
