"""What strangers see, who have `datasets` and the name of the dataset."""

import json
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from commands import ROOT
from publish.old_datasets import old_python
from publish.site import Site


def run(site: Site, python: Path | str, *command: str | Path) -> str:
    environ = {name: value for name, value in site.env().items() if name != "PYTHONPATH"}
    # Each client has its cache: an old one cannot read lists that a new one has cached, of any dataset.
    environ["HF_HOME"] += "-new" if python == sys.executable else "-old"
    done = subprocess.run([str(python), *map(str, command)], capture_output=True, text=True, env=environ, timeout=180)
    assert done.returncode == 0, done.stderr
    return done.stdout


def truth(site: Site, tag: str) -> dict[str, Any]:
    """Return the prompt ids of every config and split at a tag, past all HTTP."""
    files = site.repo.files(tag)
    found: dict[str, Any] = {}
    for config, splits in site.assert_whole(tag)["configs"].items():
        table, _, language = config.partition("-")
        for split in splits:
            ids: list[str] = []
            for path in sorted(files):
                if path.startswith(f"{table}/{language}") and path.split("/")[-1].startswith(split):
                    ids += pq.read_table(BytesIO(site.repo.read(tag, path)))["prompt_id"].to_pylist()
            found.setdefault(config, {})[split] = ids
    return found


@pytest.fixture
def versions(site: Site) -> list[str]:
    site.publish()
    site.trial.teachers["c"] = site.teachers["c"]
    site.build()
    site.publish()
    site.trial.prompts = site.trial.prompts[:-6]
    site.build()
    site.publish()
    tags = ["v1.0.0", "v1.1.0", "v2.0.0"]
    site.assert_published(*tags)
    return tags


@pytest.mark.long
def test_each_version_loads_its_own_rows_in_one_cache(site: Site, versions: list[str]) -> None:
    script = Path(__file__).with_name("load_versions.py")
    wanted = {tag: truth(site, tag) for tag in versions}
    assert len({json.dumps(found) for found in wanted.values()}) == 3
    assert json.loads(run(site, sys.executable, script, "org/data", *versions)) == wanted
    assert json.loads(run(site, old_python(), script, "org/data", *versions)) == wanted


def test_the_example_for_strangers_runs(site: Site, versions: list[str]) -> None:
    for python in (sys.executable, old_python()):
        said = run(site, python, ROOT / "examples/consume.py", "org/data", "--revision", "v1.1.0")
        assert "as messages: ['user', 'assistant']" in said
        assert "the pool: " in said


def test_there_was_never_a_mixture_to_see(site: Site, versions: list[str]) -> None:
    commits = [commit.id for commit in site.repo.commits()][:-1]
    assert len(commits) == 3
    for commit in commits:
        site.assert_whole(commit)
    log = subprocess.run(
        ["git", "--git-dir", str(site.repo.path), "log", "--format=%s", "main"], capture_output=True, text=True
    )
    assert log.stdout.split("\n")[:3] == ["v2.0.0", "v1.1.0", "v1.0.0"]
