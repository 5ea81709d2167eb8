"""What goes wrong at the Hub in the middle of a publish: one right version in the end, or one clear message."""

from typing import Any

import pytest
from huggingface_hub import HfApi
from publish.site import Site

COMMIT = "POST /api/datasets/org/data/commit/"
TAG = "POST /api/datasets/org/data/tag/"
PREUPLOAD = "POST /api/datasets/org/data/preupload/"
UPLOAD = "PUT /"


@pytest.mark.parametrize(
    ("kind", "route", "more"),
    [
        ("refuse", PREUPLOAD, {"status": 429, "retry_after": 1}),
        ("refuse", PREUPLOAD, {"status": 503}),
        ("refuse", UPLOAD, {"status": 500}),
        ("cut", UPLOAD, {}),
        ("drop", UPLOAD, {}),
        ("slow", UPLOAD, {"seconds": 0.5}),
        ("lost", COMMIT, {}),
        ("drop", COMMIT, {}),
        ("refuse", COMMIT, {"status": 500}),
        ("refuse", COMMIT, {"status": 429, "retry_after": 1}),
        ("refuse", COMMIT, {"status": 503, "times": 2}),
        ("lost", TAG, {}),
        ("drop", TAG, {}),
        ("refuse", TAG, {"status": 500}),
        ("refuse", "POST /.*/info/lfs/objects/batch", {"status": 500}),
        ("lost", "POST /.*/info/lfs/objects/verify", {}),
    ],
    ids=lambda value: str(value).strip("/"),
)
def test_what_passes_is_got_over_within_one_publish(site: Site, kind: str, route: str, more: dict[str, Any]) -> None:
    fault = site.server.faults.add(kind, route, **more)
    site.publish()
    assert fault.done == more.get("times", 1)
    site.assert_published("v1.0.0")


def test_a_lost_answer_to_the_creation_is_got_over_by_the_next_publish(site: Site) -> None:
    site.server.faults.add("lost", "POST /api/repos/create")
    assert "the Hub cannot be reached" in site.publish(code=1).err
    site.publish()
    site.assert_published("v1.0.0")


def test_a_push_in_between_is_named_and_nothing_is_published_over_it(site: Site) -> None:
    site.server.faults.add("push", COMMIT, files={"README.md": "mine"})
    ran = site.publish(code=1)
    assert "somebody else pushed" in ran.err
    assert len(site.titles()) == 1
    assert site.repo.tags() == {}
    site.publish()
    assert site.titles()[1:] == ["v1.0.0"]
    assert site.repo.tags().keys() == {"v1.0.0"}
    site.assert_whole("v1.0.0")


@pytest.mark.parametrize(("route", "commits"), [(COMMIT, []), (TAG, ["v1.0.0"])], ids=["commit", "tag"])
def test_what_does_not_pass_is_one_message_and_the_next_publish_goes_on(
    site: Site, route: str, commits: list[str]
) -> None:
    site.server.faults.add("refuse", route, status=500, times=None)
    ran = site.publish(code=1)
    assert "the Hub failed" in ran.err
    assert "run the same command again" in ran.err
    assert site.titles() == commits
    assert site.repo.tags() == {}
    site.server.faults.clear()
    uploaded = len([request for request in site.server.log if request.method == "PUT"])
    site.publish()
    assert len([request for request in site.server.log if request.method == "PUT"]) == uploaded
    site.assert_published("v1.0.0")


def test_a_tag_that_somebody_set_meanwhile_is_left_and_the_next_is_taken(site: Site) -> None:
    site.publish()
    site.trial.teachers["c"] = site.teachers["c"]
    site.build()
    site.server.faults.add("refuse", TAG, status=500, times=None)
    site.publish(code=1)
    site.server.faults.clear()
    # The commit is there without its tag, which somebody gives to the version before.
    HfApi().create_tag("org/data", tag="v1.1.0", revision="v1.0.0", repo_type="dataset")
    ran = site.publish("--json")
    assert ran.json["tag"] == "v1.2.0"
    assert site.repo.tags().keys() == {"v1.0.0", "v1.1.0", "v1.2.0"}
    site.assert_whole("v1.2.0")


def test_a_gitignore_there_that_leaves_files_out_is_named(site: Site) -> None:
    site.server.create("org/data").push({".gitignore": "recipe.*\n"})
    ran = site.publish(code=2)
    assert "does not hold what was sent (recipe.yaml; does a .gitignore there leave it out?" in ran.err
    assert site.repo.tags() == {}


def test_nobody_publishes_without_the_right(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    assert "`hf auth login`" in site.publish(code=2).err
    monkeypatch.setenv("HF_TOKEN", site.server.read_token)
    assert "your token may not do that" in site.publish(code=2).err
    monkeypatch.setenv("HF_TOKEN", site.server.other_token)
    assert "org/data" in site.publish(code=2).err
    monkeypatch.setenv("HF_TOKEN", site.server.token)
    site.publish()
    for token in (site.server.read_token, site.server.other_token):
        monkeypatch.setenv("HF_TOKEN", token)
        site.trial.prompts.pop()
        site.build()
        assert "your token may not do that" in site.publish(code=2).err
    site.trial.assert_nowhere(site.server.token)
    assert site.titles() == ["v1.0.0"]


def test_a_hub_that_is_not_there_is_named(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    assert "org/data: the Hub cannot be reached" in site.publish(code=1).err


def test_a_card_that_the_hub_refuses_is_named_with_its_reason(site: Site) -> None:
    site.server.faults.add("refuse", "POST /api/validate-yaml", status=400)
    ran = site.publish(code=2)
    assert "the Hub refuses" in ran.err
    assert site.repo.tags() == {}
