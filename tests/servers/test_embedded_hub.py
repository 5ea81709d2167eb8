"""An embedded teacher whose file is on the Hub: pinned, fetched when it is asked first, checked by its content."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import hub
import pytest
from line.trial import Trial, rows
from servers.tiny_gguf import write_model


@pytest.fixture
def server(tmp_path: Path) -> Iterator[hub.Server]:
    with hub.serving(tmp_path / "hub") as serving:
        yield serving


@pytest.fixture
def line(tmp_path: Path, server: hub.Server) -> Trial:
    block = {"gguf": "org/tiny", "file": "tiny-F32.gguf", "context": 512, "sampling": {"max_tokens": 8}}
    made = Trial(tmp_path / "trial", {"a": block}, rows(3))
    made.environ = {
        "HF_ENDPOINT": server.url,
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    made.write()
    return made


def _upload(server: hub.Server, folder: Path, seed: int) -> str:
    """Put another model under the same name; return its sha256."""
    path = folder / f"{seed}.gguf"
    write_model(path, seed)
    repo = server.create("org/tiny", "model") if seed == 0 else server.repo("org/tiny", "model")
    repo.push({"tiny-F32.gguf": path.read_bytes()})
    return sha256(path.read_bytes()).hexdigest()


def test_it_stays_at_the_commit_that_was_seen_first(tmp_path: Path, server: hub.Server, line: Trial) -> None:
    first = _upload(server, tmp_path, 0)
    commit = server.repo("org/tiny", "model").commits()[0].id
    checked = line.cli("check")
    assert checked.code == 0, checked
    assert "org/tiny/tiny-F32.gguf (0.00 GB; it comes from the Hub when it is asked first)" in checked.out
    assert not list((tmp_path / "home").rglob("*.gguf"))
    built = line.cli("build")
    assert built.code == 0, built
    assert "a: fetching org/tiny/tiny-F32.gguf" in built.err
    assert {(row["model"], row["revision"]) for row in line.pool()} == {("org/tiny", first)}
    recipe = json.loads((line.dataset / "manifest.json").read_text())["recipe"]["teachers"]["a"]
    assert (recipe["revision"], recipe["sha256"], recipe["file"]) == (commit, first, "tiny-F32.gguf")
    # Another file under the name: this run keeps to its own, and asks the Hub nothing.
    second = _upload(server, tmp_path, 1)
    asked = len(server.log)
    assert line.cli("build").code == 0
    assert len(server.log) == asked
    assert {row["revision"] for row in line.pool()} == {first}
    line.teachers["a"]["revision"] = "main"
    line.write()
    assert line.cli("build").code == 0
    assert {row["revision"] for row in line.pool()} == {second}


def test_a_file_or_repository_that_is_not_there(tmp_path: Path, server: hub.Server, line: Trial) -> None:
    ran = line.cli("build")
    assert (ran.code, "teacher a: org/tiny: " in ran.err) == (2, True), ran.err
    _upload(server, tmp_path, 0)
    line.teachers["a"]["file"] = "other.gguf"
    line.write()
    ran = line.cli("build")
    assert (ran.code, "org/tiny has no model file 'other.gguf'" in ran.err) == (2, True), ran.err
