"""A transformers model on the Hub that the run serves itself: pinned to a commit, fetched when it is asked first."""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import hub
import pytest
from line.trial import Trial, rows
from rewards.tiny_model import write_chat_model

pytestmark = pytest.mark.skipif(
    not all(find_spec(name) for name in ("torch", "transformers", "fastapi", "uvicorn", "openai")),
    reason="transformers[serving] is not installed",
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[hub.Server]:
    with hub.serving(tmp_path / "hub") as serving:
        yield serving


@pytest.fixture
def line(tmp_path: Path, server: hub.Server) -> Trial:
    made = Trial(tmp_path / "trial", {"a": {"transformers": "org/tiny", "sampling": {"max_tokens": 8}}}, rows(2))
    made.more["tolerate"] = 1.0
    made.environ = {
        "HF_ENDPOINT": server.url,
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    made.write()
    return made


@pytest.mark.long
def test_it_stays_at_the_commit_that_was_seen_first(tmp_path: Path, server: hub.Server, line: Trial) -> None:
    model = write_chat_model(tmp_path / "model")
    files = {path.name: path.read_bytes() for path in model.iterdir()}
    repo = server.create("org/tiny", "model")
    repo.push({**files, "pytorch_model.bin": b"twice", "tiny.gguf": b"not for us", "onnx/model.onnx": b"nor this"})
    commit = repo.commits()[0].id
    checked = line.cli("check")
    assert checked.code == 0, checked
    assert f"org/tiny@{commit} (0.00 GB; it comes from the Hub when it is asked first)" in " ".join(checked.out.split())
    assert not list((tmp_path / "home").rglob("*.safetensors"))
    built = line.cli("build", timeout=180)
    assert built.code == 0, built
    assert f"a: fetching org/tiny@{commit}" in built.err
    assert {path.name for path in (tmp_path / "home").rglob("snapshots/*/*")} == set(files)
    assert {(row["model"], row["revision"]) for row in line.pool()} == {("org/tiny", commit)}
    published = json.loads((line.dataset / "manifest.json").read_text())["recipe"]["teachers"]["a"]
    assert (published["transformers"], published["revision"]) == ("org/tiny", commit)
    # Another model under the name: this run keeps to its own, and asks the Hub nothing.
    repo.push({"README.md": b"# Another"})
    asked = len(server.log)
    assert line.cli("build").code == 0
    assert len(server.log) == asked
    assert {row["revision"] for row in line.pool()} == {commit}


def test_what_is_no_folder_and_not_on_the_hub(tmp_path: Path, server: hub.Server, line: Trial) -> None:
    ran = line.cli("build")
    said = f"teacher a: org/tiny (a model on the Hub, and there is no folder {line.folder / 'org/tiny'}): "
    assert (ran.code, said in ran.err) == (2, True), ran.err
    repo = server.create("org/tiny", "model")
    for files, said in (
        ({"README.md": b"# Nothing"}, "holds no model for transformers: it has no config.json"),
        ({"adapter_config.json": b"{}"}, "is an adapter, which transformers does not serve: merge it"),
    ):
        repo.push(files)
        ran = line.cli("check")
        assert (ran.code, f"teacher a: org/tiny {said}" in ran.err) == (2, True), ran.err
