import shutil
from collections.abc import Iterator
from pathlib import Path

import hub
import pytest
import tgi
from arbitrage.publish import publish
from huggingface_hub import constants
from line.trial import Trial, double, rows, teacher
from publish.site import Site


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[hub.Server]:
    """A Hub, and this process's clients pointed at it: they read the environment when they are imported."""
    with hub.serving(tmp_path / "hub") as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
        monkeypatch.setattr(publish, "PAUSE", 0.05)
        monkeypatch.setenv("HF_TOKEN", server.token)
        yield server


@pytest.fixture(scope="session")
def teachers() -> Iterator[dict[str, tgi.Handle]]:
    names = ("a", "b", "c")
    with tgi.serve([double(name) for name in names]) as handles:
        yield dict(zip(names, handles, strict=True))


def trial_in(folder: Path, teachers: dict[str, tgi.Handle]) -> Trial:
    return Trial(
        folder,
        {name: teacher(name, teachers[name].url) for name in ("a", "b")},
        prompts=rows(12),
        arms={"reward": {"router": "reward"}, "random": {"router": "random"}},
        more={"publish": {"repo_id": "org/data"}},
    )


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, teachers: dict[str, tgi.Handle]) -> Path:
    folder = tmp_path_factory.mktemp("built") / "work"
    assert trial_in(folder, teachers).build().code == 0
    return folder


@pytest.fixture
def site(tmp_path: Path, server: hub.Server, teachers: dict[str, tgi.Handle], built: Path) -> Site:
    """A recipe with two teachers, built, and a Hub without a repository."""
    trial = trial_in(tmp_path / "work", teachers)
    shutil.copytree(built, trial.folder)
    return Site(trial, server, {name: teacher(name, handle.url) for name, handle in teachers.items()})
