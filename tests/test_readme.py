"""Everything on the README that can run, runs."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import hub
import pytest
import tgi
import yaml
from arbitrage.cli import app
from arbitrage.recipe.model import CHECKS
from arbitrage.recipe.reader import read_recipe
from arbitrage.routers import BUILT_IN
from commands import ROOT, arbitrage
from typer.main import get_command

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
BLOCKS = FENCED.findall(TEXT)
DOCS = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md"))
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE))


def blocks(kind: str, page: str | None = None) -> list[str]:
    found = BLOCKS if page is None else FENCED.findall((ROOT / page).read_text(encoding="utf-8"))
    return [text for name, text in found if name == kind]


def commands(text: str) -> list[list[str]]:
    lines = [shlex.split(line, comments=True) for line in text.splitlines()]
    return [line[1:] for line in lines if line[:1] == ["arbitrage"]]


def models(recipe: str) -> dict[str, str]:
    return {name: teacher["model"] for name, teacher in yaml.safe_load(recipe)["teachers"].items()}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder with the README's prompts and recipe, whose teachers are doubles, and the environment it needs."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "prompts.jsonl").write_text(blocks("json")[0], encoding="utf-8")
    recipe = blocks("yaml")[0]
    with tgi.serve([tgi.Double(model_id=model) for model in models(recipe).values()]) as doubles:
        aya, llama, turkish = doubles
        recipe = recipe.replace("http://gpu1:8080", aya.url).replace("http://gpu2:8000", llama.url)
        (folder / "recipe.yaml").write_text(recipe, encoding="utf-8")
        yield folder, {"TR_URL": turkish.url}


@pytest.fixture(scope="module")
def built(world: tuple[Path, dict[str, str]]) -> Path:
    folder, environ = world
    for command in commands(blocks("bash")[0]):
        done = arbitrage(*command, folder=folder, environ=environ)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
    return folder


def test_the_recipe_has_ten_lines() -> None:
    assert len(blocks("yaml")[0].splitlines()) == 10


def test_the_layout_is_what_was_built(built: Path) -> None:
    root, *lines = next(text for kind, text in BLOCKS if not kind).splitlines()
    assert len(lines) == 10
    for line in lines:
        assert (built / root / line.split()[0]).is_file()


def test_the_python_on_the_first_screen_runs(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(built)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path)
    names: dict[str, Any] = {}
    exec(blocks("python")[0], names)
    assert names["rows"].num_rows == 3
    assert "'role': 'assistant'" in capsys.readouterr().out
    for config in re.findall(r'"([\w-]+)"', blocks("python")[0].split("# or")[1].splitlines()[0]):
        datasets.load_dataset("runs/greetings/dataset", config)


def test_it_is_published_and_rebuilt_by_its_name(built: Path, tmp_path: Path) -> None:
    dry_run, publish, reproduce = commands(next(text for text in blocks("bash") if "--dry-run" in text))
    with hub.serving(tmp_path / "hub") as server:
        environ = {
            "HF_ENDPOINT": server.url,
            "HF_TOKEN": server.token,
            "HF_HOME": str(tmp_path / "home"),
            "HF_HUB_DISABLE_XET": "1",
        }
        for command, said in (
            (dry_run, "would publish org/greetings@v1.0.0"),
            (publish, "published org/greetings@v1.0.0"),
            (publish, "org/greetings@v1.0.0 holds this already"),
            (reproduce, "the same ("),
        ):
            done = arbitrage(*command, folder=built, environ=environ)
            assert done.returncode == 0, (command, done.stdout, done.stderr)
            assert said in done.stdout
        assert [commit.title for commit in server.repo("org/greetings").commits()] == ["v1.0.0", "initial commit"]


def test_rewards_and_routers_of_your_own_run(world: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    folder, environ = world
    for text in blocks("python")[1:]:
        (tmp_path / text.split()[1]).write_text(text, encoding="utf-8")
    recipe = yaml.safe_load((folder / "recipe.yaml").read_text(encoding="utf-8")) | yaml.safe_load(blocks("yaml")[1])
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    (tmp_path / "prompts.jsonl").write_bytes((folder / "prompts.jsonl").read_bytes())
    done = arbitrage("build", "recipe.yaml", folder=tmp_path, environ=environ)
    assert done.returncode == 0, done.stderr
    assert "arm shortest: 3 rows" in done.stdout
    loaded = datasets.load_dataset(
        str(tmp_path / "runs/greetings/dataset"), "pool", split="train", cache_dir=str(tmp_path / "cache")
    )
    answers = loaded.to_list()
    assert None not in [answer["reward"] for answer in answers]
    arm = datasets.load_dataset(
        str(tmp_path / "runs/greetings/dataset"), "shortest", split="train", cache_dir=str(tmp_path / "cache")
    )
    for row in arm.to_list():
        lengths = [len(answer["completion"]) for answer in answers if answer["prompt_id"] == row["prompt_id"]]
        assert len(row["completion"][-1]["content"]) == min(lengths)
    for module in tmp_path.glob("my_*.py"):
        module.unlink()
    done = arbitrage("reproduce", "runs/greetings/dataset", folder=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "arm shortest: its router 'my_routers:Shortest' is not built in" in done.stdout


def test_filters_and_the_language_check_are_keys_of_a_recipe(tmp_path: Path) -> None:
    recipe = yaml.safe_load(blocks("yaml")[0]) | yaml.safe_load(*blocks("yaml", "docs/filters.md"))
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    read = read_recipe(tmp_path / "recipe.yaml", {"TR_URL": "http://host"})
    assert read.checks == list(CHECKS)
    assert [one.name for one in read.contamination] == ["xnli", "ours"]


def test_completions_made_elsewhere_come_in(built: Path, world: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    _, environ = world
    for name in ("recipe.yaml", "prompts.jsonl"):
        (tmp_path / name).write_bytes((built / name).read_bytes())
    (tmp_path / "published").symlink_to(built / "runs/greetings/dataset")
    (tmp_path / "offline.jsonl").write_text(blocks("json")[1], encoding="utf-8")
    pool, offline = next(text for text in blocks("bash") if "arbitrage import" in text).splitlines()
    for (command,), imported in ((commands(pool), 7), (commands(offline), 0)):
        done = arbitrage(*command, "--json", folder=tmp_path, environ=environ)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert (found["imported"], found["imported"] + found["stored"]) == (imported, found["asked"])


def test_the_other_commands_are_commands(tmp_path: Path) -> None:
    verbs = get_command(app).commands  # type: ignore[attr-defined]
    for text in blocks("bash"):
        assert {command[0] for command in commands(text)} <= set(verbs)
    assert arbitrage("init", folder=tmp_path).returncode == 0
    assert (tmp_path / "recipe.yaml").is_file()


def test_make_has_the_targets_named() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"`?make (\w+)", TEXT)) <= set(targets)


def test_every_address_in_the_table_of_servers_is_one(tmp_path: Path) -> None:
    recipe = yaml.safe_load(blocks("yaml")[0])
    rows = re.findall(r"^\| .*? \| `(\w+)` \| `(http.*?)` \|$", SECTIONS["Teachers"], re.MULTILINE)
    assert len(rows) == 5
    for api, endpoint in rows:
        teacher = {"endpoint": endpoint, "api": api, "model": "org/model"}
        (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe | {"teachers": {"aya": teacher}}))
        read_recipe(tmp_path / "recipe.yaml", {})


def test_checks_and_routers_are_named_as_they_are() -> None:
    words = SECTIONS["The words"]
    for name in (*CHECKS, *BUILT_IN):
        assert f"`{name}`" in words


def anchor(line: str) -> str:
    return line.lstrip("# ").lower().replace(" ", "-") if line.startswith("#") else ""


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "examples/README.md", *DOCS])
def test_every_file_that_is_linked_exists(page: str) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", (ROOT / page).read_text(encoding="utf-8")):
        if not link.startswith("http"):
            path, _, section = link.partition("#")
            target = (ROOT / page).parent / path
            assert target.exists(), link
            assert section in {anchor(line) for line in target.read_text().splitlines()} | {""}, link


def test_what_else_a_recipe_can_say_is_said_in_a_recipe(tmp_path: Path) -> None:
    """Each of the table's settings alone, in the recipe of the first screen."""
    recipe = yaml.safe_load(blocks("yaml")[0])
    rows = re.findall(r"^\| .*? \| (.*?) \| \[.*\|$", SECTIONS["What else a recipe can say"], re.MULTILINE)
    settings = [text for row in rows for text in re.findall(r"`([a-z_]+: [^`]+)`", row)]
    assert len(settings) == 9
    for setting in settings:
        translate = {} if "translation" not in setting else {"translate": {"model": "org/nmt"}}
        (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe | translate | yaml.safe_load(setting)))
        read_recipe(tmp_path / "recipe.yaml", {"TR_URL": "http://host"})


def test_the_pages_of_the_docs_are_linked() -> None:
    assert {path for path in DOCS if f"]({path}" not in TEXT} == set()


def test_every_way_to_score_is_a_recipe(tmp_path: Path) -> None:
    assert blocks("yml") == blocks("yml", "docs/rewards.md")
    recipe = yaml.safe_load(blocks("yaml")[0])
    for teacher in recipe["teachers"].values():
        teacher["endpoint"] = "http://127.0.0.1:1"
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe | yaml.safe_load(blocks("yml")[0]), sort_keys=False))
    found = read_recipe(tmp_path / "recipe.yaml", {})
    assert found.auditors == ["skywork", "small", "rerank", "marks", "mine"]
