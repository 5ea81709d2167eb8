"""Versions of a dataset on the Hub, one commit and one tag each."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from arbitrage.dataset import read_manifest
from arbitrage.dataset.shards import file_sha256
from line.trial import contents
from publish.site import Site


def test_the_first_version_is_one_commit_and_one_tag(site: Site) -> None:
    ran = site.publish()
    assert "published org/data@v1.0.0 (public)" in ran.out
    site.assert_published("v1.0.0")
    card = site.tagged("v1.0.0")["README.md"].decode()
    assert 'load_dataset("org/data", "reward", split="train", revision="v1.0.0")' in card
    assert "arbitrage reproduce org/data --revision v1.0.0" in card
    assert not site.repo.settings.private


def test_the_same_again_makes_no_commit(site: Site) -> None:
    site.publish()
    for options in ((), ("--tag", "v1.0.0")):
        ran = site.publish(*options)
        assert "org/data@v1.0.0 holds this already" in ran.out
    site.build()
    site.publish()
    site.assert_published("v1.0.0")


def test_versions_go_by_what_changed_and_leave_nothing_stale(site: Site) -> None:
    site.publish()
    site.trial.teachers["c"] = site.teachers["c"]
    site.build()
    assert "teacher" in site.publish().out
    site.trial.prompts = site.trial.prompts[:-6]
    site.build()
    ran = site.publish("--json")
    assert ran.json["tag"] == "v2.0.0"
    assert ran.json["previous"] == "v1.1.0"
    assert set(ran.json["rows"]["pool"]) == {"removed"}
    site.trial.more["license"] = "cc-by-sa-4.0"
    site.build()
    assert site.publish("--json").json["tag"] == "v2.0.1"
    site.assert_published("v1.0.0", "v1.1.0", "v2.0.0", "v2.0.1")


def test_what_is_there_is_not_uploaded_again(site: Site) -> None:
    site.publish()
    site.trial.arms["single_a"] = {"router": "single", "teacher": "a"}
    site.trial.more["publish"] = {"repo_id": "org/data", "arms": ["reward", "random", "single_a"]}
    site.build()
    ran = site.publish("--json")
    assert ran.json["tag"] == "v1.1.0"
    folders = {path.split("/")[0] for path in ran.json["upload"]}
    assert folders == {"single_a", "routes", "README.md", "recipe.yaml", "manifest.json"} | (folders & {"assets"})
    site.assert_published("v1.0.0", "v1.1.0")


def test_stale_files_go_in_the_same_commit(site: Site) -> None:
    site.publish()
    site.trial.prompts = [row for row in site.trial.prompts if row["language"] == "de"]
    site.trial.more["languages"] = ["de"]
    site.build()
    ran = site.publish("--json")
    assert ran.json["tag"] == "v2.0.0"
    assert ran.json["delete"]
    assert all("/tr/" in path for path in ran.json["delete"])
    site.assert_published("v1.0.0", "v2.0.0")


def test_a_dry_run_says_what_would_change_and_changes_nothing(site: Site) -> None:
    ran = site.publish("--dry-run")
    assert "would publish org/data@v1.0.0" in ran.out
    with pytest.raises(LookupError):
        _ = site.repo
    site.publish()
    site.trial.teachers["c"] = site.teachers["c"]
    site.build()
    before, here = len(site.server.log), contents(site.trial.dataset)
    ran = site.publish("--dry-run")
    assert "upload pool/de/train-00000.parquet" in ran.out
    assert "pool: 24 rows added" in ran.out
    assert "+++ README.md (v1.1.0)" in ran.out
    assert {request.method for request in site.server.log[before:]} <= {"GET", "HEAD"}
    assert contents(site.trial.dataset) == here
    assert site.repo.tags().keys() == {"v1.0.0"}


def test_a_private_one_is_private_from_the_start(site: Site) -> None:
    assert "(private)" in site.publish("--private").out
    assert site.repo.settings.private
    site.publish()
    assert site.repo.settings.private


def test_what_was_to_be_private_is_never_pushed_to_a_public_repository(site: Site) -> None:
    site.server.create("org/data")
    site.trial.more["publish"] = {"repo_id": "org/data", "private": True}
    site.build()
    assert "org/data is public, and was to be private" in site.publish(code=2).err
    assert site.titles() == []


def test_a_version_never_changes_and_only_goes_up(site: Site) -> None:
    site.publish("--tag", "v1.2.0")
    site.trial.teachers["c"] = site.teachers["c"]
    site.build()
    assert "v1.2.0: org/data has it already with other content" in site.publish("--tag", "v1.2.0", code=2).err
    assert "versions only go up" in site.publish("--tag", "v1.1.9", code=2).err
    assert "versions are tags such as v1.2.0" in site.publish("--tag", "1.3", code=2).err
    site.publish("--tag", "v4.0.0")
    site.assert_published("v1.2.0", "v4.0.0")


def test_rows_in_another_encoding_are_the_same_version(site: Site) -> None:
    site.publish()
    dataset = site.trial.dataset
    site.build()
    manifest = json.loads((dataset / "manifest.json").read_bytes())
    for path, file in manifest["files"].items():
        table = pq.read_table(dataset / path)
        pq.write_table(table, dataset / path, compression="gzip")
        file |= {"file_sha256": file_sha256(dataset / path), "bytes": (dataset / path).stat().st_size}
    manifest["writer"]["pyarrow"] = "99.0.0"
    (dataset / "manifest.json").write_text(json.dumps(manifest))
    assert "holds this already" in site.publish().out
    assert site.titles() == ["v1.0.0"]


def test_a_repository_of_somebody_elses_is_left_alone(site: Site) -> None:
    site.server.create("org/data").push({"data/train.parquet": "rows", "README.md": "mine"})
    ran = site.publish(code=2)
    assert "org/data holds files that were not published from here (data/train.parquet)" in ran.err
    assert site.titles() == ["Someone else's push"]


def test_a_repository_with_a_card_alone_can_be_published_to(site: Site) -> None:
    site.server.create("org/data").push({"README.md": "to come", "LICENSE": "text"})
    site.publish()
    assert site.titles() == ["Someone else's push", "v1.0.0"]
    assert site.repo.read("v1.0.0", "LICENSE") == b"text"


def test_what_others_changed_meanwhile_is_said_and_their_files_stay(site: Site) -> None:
    site.publish()
    site.repo.push({"README.md": "my own words", "notes.txt": "keep"}, message="Hand-written \x1b[31mcard")
    site.trial.teachers["c"] = site.teachers["c"]
    site.build()
    ran = site.publish()
    assert "note: main has moved on since v1.0.0 ('Hand-written \\x1b[31mcard')" in ran.err
    assert site.repo.read("v1.1.0", "notes.txt") == b"keep"
    assert b"v1.1.0" in site.repo.read("v1.1.0", "README.md")


def test_a_stray_file_that_a_config_would_load_goes(site: Site) -> None:
    site.publish()
    strays = ["reward/de/train-00007.parquet", "reward/old/train-x.parquet"]
    site.repo.push({path: "stray" for path in [*strays, "assets/logo.png"]})
    site.trial.teachers["c"] = site.teachers["c"]
    site.build()
    assert site.publish("--json").json["delete"] == strays
    assert "assets/logo.png" in site.repo.files("v1.1.0")
    site.assert_whole("v1.1.0")


def test_the_folder_is_what_was_built_from_this_recipe(site: Site) -> None:
    path = next(site.trial.dataset.glob("pool/de/train-*.parquet"))
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"?")
    assert f"{path} is not what manifest.json says" in site.publish(code=2).err
    path.write_bytes(content)
    site.trial.more["seed"] = 8
    site.trial.write()
    assert "was built from another recipe" in site.publish(code=2).err
    site.trial.more["seed"] = 7
    site.trial.teachers["a"]["revision"] = "b" * 40
    site.trial.write()
    assert "was built from another recipe" in site.publish(code=2).err
    del site.trial.teachers["a"]["revision"]
    site.trial.write()
    assert site.trial.run("build", "--arm", "random").code == 0
    assert "or with --arm" in site.publish(code=2).err
    with pytest.raises(LookupError):
        _ = site.repo


def test_a_preview_is_not_published(site: Site, tmp_path: Path) -> None:
    site.trial.folder = tmp_path / "other"
    site.trial.write()
    assert "no build has begun" in site.publish(code=2).err
    assert site.trial.run("build", "--limit", "2").code == 0
    assert "a preview is not published" in site.publish(code=2).err


def test_where_to_publish_has_to_be_said(site: Site) -> None:
    del site.trial.more["publish"]
    site.build()
    assert "say where to publish" in site.publish(code=2).err
    for name in ("name", "org/na me", "../etc", "org/name/more"):
        assert "is no dataset's id on the Hub" in site.publish("--repo-id", name, code=2).err
    site.publish("--repo-id", "org/data")
    site.assert_published("v1.0.0")


def test_single_arms_are_a_filter_on_the_pool_unless_they_are_named(site: Site) -> None:
    site.trial.arms["single_a"] = {"router": "single", "teacher": "a"}
    site.build()
    assert not (site.trial.dataset / "single_a").exists()
    manifest = read_manifest(site.trial.dataset)
    assert not manifest.arms["single_a"].published
    assert manifest.arms["single_a"].rows
    assert "single_a" not in manifest.configs
    assert site.trial.run("status").code == 0
