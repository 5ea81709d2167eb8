"""A dataset with translated answers goes to the Hub, loads anywhere and is rebuilt by its name."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import hub
import pytest
import tgi
from line.trial import Trial, double, rows, teacher
from publish.old_datasets import old_python
from publish.site import Site
from publish.test_consume import run, truth
from publish.test_reproduce import reproduce
from tgi.translation import translator


@pytest.fixture(scope="module")
def nmt() -> Iterator[tgi.Handle]:
    with tgi.serve([double("nmt", answers=translator())]) as (handle,):
        yield handle


@pytest.fixture
def site(tmp_path: Path, server: hub.Server, teachers: dict[str, tgi.Handle], nmt: tgi.Handle) -> Site:
    trial = Trial(
        tmp_path / "work",
        {"a": teacher("a", teachers["a"].url)},
        prompts=rows(6, ["en"]) + rows(3, ["de"]),
        arms={"random": {"router": "random"}, "translation": {"router": "translation", "teacher": "a"}},
        more={
            "languages": ["de", "en", "tr"],
            "translate": {"model": "org/nmt", "endpoint": nmt.url, "api": "tgi", "to": "all"},
            "publish": {"repo_id": "org/data"},
        },
    )
    site = Site(trial, server, {})
    site.build()
    return site


def test_it_is_published_loads_and_is_rebuilt_by_its_name(site: Site, tmp_path: Path) -> None:
    site.publish()
    site.assert_published("v1.0.0")
    card = site.tagged("v1.0.0")["README.md"].decode()
    assert "Answers under a+translation are machine translations by org/nmt" in card
    reproduce(site, tmp_path / "empty", "org/data", "--revision", "v1.0.0")
    script = Path(__file__).with_name("load_versions.py")
    wanted = {"v1.0.0": truth(site, "v1.0.0")}
    for python in (sys.executable, old_python()):
        assert json.loads(run(site, python, script, "org/data", "v1.0.0")) == wanted


def test_an_arm_that_translates_makes_a_minor_version_and_other_words_a_major_one(site: Site, nmt: tgi.Handle) -> None:
    arm = site.trial.arms.pop("translation")
    site.build()
    site.publish()
    site.trial.arms["translation"] = arm
    site.build()
    ran = site.publish("--json")
    assert ran.json["tag"] == "v1.1.0"
    assert set(ran.json["rows"]["pool"]) == {"added"}
    assert ran.json["changes"][0] == "New arm: translation."
    assert not any("teacher" in sentence for sentence in ran.json["changes"])
    site.trial.more["translate"] |= {"max_length": 1000}
    nmt.double.answers = translator(lambda text, answer: f"{answer} says" if "says" in text else None)
    site.build()
    assert site.publish("--json").json["tag"] == "v2.0.0"
