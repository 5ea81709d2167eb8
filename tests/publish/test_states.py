"""States of a repository, of a folder and of a machine that nobody wished for: each has a named end."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from arbitrage.hub.refusals import said
from huggingface_hub import HfApi
from line.trial import SOURCES, Ran, Trial
from publish.site import Site


def elsewhere(site: Site, *options: str, **environ: str) -> Ran:
    """Publish in a process of its own."""
    command = [sys.executable, "-m", "arbitrage", "publish", str(site.trial.recipe), *options]
    environ = {**site.env(), "PYTHONPATH": ":".join(SOURCES), **environ}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120)
    return Ran(done.returncode, done.stdout, done.stderr).check()


@pytest.mark.parametrize("theirs", ["another dataset", "nothing yet, but public"])
def test_of_two_that_create_a_repository_the_second_publishes_nothing_over_the_first(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, theirs: str
) -> None:
    second = Trial(tmp_path / "second", site.trial.teachers, arms=site.trial.arms, more=site.trial.more)
    assert second.build().code == 0
    create = HfApi.create_repo

    def late(api: HfApi, *arguments: Any, **options: Any) -> Any:
        # The first comes between the second's look and its creation.
        monkeypatch.setattr(HfApi, "create_repo", create)
        if theirs == "another dataset":
            site.publish()
        else:
            site.server.create("org/data")
        return create(api, *arguments, **options)

    monkeypatch.setattr(HfApi, "create_repo", late)
    ran = second.run("publish", *([] if theirs == "another dataset" else ["--private"]))
    assert ran.code == 1
    assert "somebody else created it meanwhile; nothing was published" in ran.err
    if theirs == "another dataset":
        site.assert_published("v1.0.0")
    else:
        assert site.titles() == []


def test_a_repository_that_was_renamed_is_named(site: Site) -> None:
    site.publish()
    HfApi().move_repo("org/data", "org/other", repo_type="dataset")
    assert "org/data: is called org/other on the Hub: give that name" in site.publish(code=2).err
    assert site.publish("--repo-id", "org/other", "--json").json["tag"] == "v1.0.1"


def test_a_version_of_somebody_elses_says_what_to_do(site: Site) -> None:
    site.server.create("org/data")
    HfApi().create_tag("org/data", tag="v1.0.0", repo_type="dataset")
    for options in ((), ("--tag", "v2.0.0")):
        message = site.publish(*options, code=2).err
        assert "its latest version v1.0.0 cannot be compared" in message
        assert "holds no manifest.json" in message
        assert "delete that tag on the Hub" in message


def test_a_version_whose_files_are_gone_says_which_and_what_to_do(site: Site) -> None:
    site.publish()
    site.repo.push({"pool/de/train-00000.parquet": None})
    HfApi().create_tag("org/data", tag="v1.0.1", repo_type="dataset")
    site.trial.teachers["c"] = site.teachers["c"]
    site.build()
    message = site.publish(code=2).err
    assert "v1.0.1 cannot be compared with what is here (pool/de/train-00000.parquet is missing)" in message


@pytest.mark.parametrize("manifest", ["{", json.dumps({"format": 2})])
def test_a_version_that_cannot_be_read_says_what_to_do(site: Site, manifest: str) -> None:
    site.publish()
    site.repo.push({"manifest.json": manifest})
    HfApi().create_tag("org/data", tag="v1.0.1", repo_type="dataset")
    assert "v1.0.1 cannot be compared with what is here" in site.publish(code=2).err


def test_a_recipe_that_was_edited_in_the_folder_is_not_published(site: Site) -> None:
    recipe = site.trial.dataset / "recipe.yaml"
    recipe.write_text(recipe.read_text() + "extra: 1\n")
    assert f"{recipe} is not what manifest.json says" in site.publish(code=2).err
    assert not site.server.store.find("dataset", "org/data")


def test_only_what_the_dataset_is_made_of_leaves_the_machine(site: Site, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("password")
    (site.trial.dataset / "assets" / "mine.png").symlink_to(secret)
    (site.trial.dataset / "notes.txt").write_text("mine")
    site.publish()
    assert b"password" not in site.tagged("v1.0.0").values()
    assert not {"assets/mine.png", "notes.txt"} & site.tagged("v1.0.0").keys()
    picture = site.trial.dataset / "assets" / "rewards.png"
    picture.unlink()
    picture.symlink_to(secret)
    assert f"{picture} leads out of the folder" in site.publish(code=2).err


def test_warnings_that_are_errors_do_not_stop_a_publish(site: Site) -> None:
    ran = elsewhere(site, "--json", PYTHONWARNINGS="error")
    assert ran.code == 0, ran
    assert ran.json["tag"] == "v1.0.0"
    site.assert_published("v1.0.0")


@pytest.mark.parametrize("token", ["hf_sécret", "hf_s\x01cret"])
def test_a_token_that_cannot_be_one_is_named_and_not_shown(site: Site, token: str) -> None:
    ran = elsewhere(site, HF_TOKEN=token)
    assert ran.code == 2
    assert "HF_TOKEN" in ran.err
    assert "cret" not in ran.err


def test_offline_is_named(site: Site) -> None:
    assert "HF_HUB_OFFLINE is set" in elsewhere(site, HF_HUB_OFFLINE="1").err


def test_a_signed_address_is_not_shown() -> None:
    shown = said(OSError("500 for url: https://storage.example/a/b?X-Amz-Signature=5ecret&e=1 (Request ID: 7?)"))
    assert shown == "500 for url: https://storage.example/a/b (Request ID: 7?)"


def test_a_full_disk_is_not_said_to_be_the_hub(site: Site) -> None:
    site.publish()
    # As a disk without room does, it fails a write and not an open.
    command = ["bash", "-c", 'ulimit -f 1; exec "$@"', "-", sys.executable, "-m", "arbitrage", "reproduce", "org/data"]
    environ = {**site.env(), "PYTHONPATH": ":".join(SOURCES)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    ran = Ran(done.returncode, done.stdout, done.stderr).check()
    assert ran.code == 2, ran
    assert "File too large" in ran.err
    assert "cannot be reached" not in ran.err


def test_who_interrupts_an_upload_again_and_again_sees_no_traceback(site: Site) -> None:
    upload = site.server.faults.add("slow", "PUT /", seconds=5, times=None)
    command = [sys.executable, "-m", "arbitrage", "publish", str(site.trial.recipe)]
    environ = {**site.env(), "PYTHONPATH": ":".join(SOURCES)}
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as process:
        while not upload.done:
            assert process.poll() is None
            time.sleep(0.01)
        begun = time.monotonic()
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
            time.sleep(0.5)
        assert process.stderr is not None
        message = process.stderr.read()
    assert time.monotonic() - begun < 4
    assert "interrupted" in message
    assert "Traceback" not in message
    site.server.faults.clear()
    site.publish()
    site.assert_published("v1.0.0")
