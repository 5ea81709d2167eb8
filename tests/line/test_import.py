"""What is in a published pool is not asked, what differs is not imported, and what was stored stays."""

import json
import shutil
import signal
import sqlite3
import time
from pathlib import Path
from typing import Any

import hub
import pytest
from arbitrage.store.schema import TABLES
from dataset.tampering import rewrite
from line.lost import Lost, batch, counts, write
from line.trial import Trial, contents, rows


def test_a_lost_store_is_not_paid_again(lost: Lost) -> None:
    before = contents(lost.published)
    assert counts(lost.bring()) == {"read": 24, "imported": 24, "asked": 24}
    assert lost.trial.query("SELECT DISTINCT imported_from FROM completion") == [("published",)]
    assert lost.asked == [0, 0]
    assert lost.trial.build().code == 0
    assert lost.asked == [0, 0]
    after = contents(lost.trial.dataset)
    fact = json.loads(after["manifest.json"]).pop("imported")
    assert fact == {"a": {"published": 12}, "b": {"published": 12}}
    apart = {path for path in before if before[path] != after.get(path)}
    assert after.keys() == before.keys()
    assert apart <= {"manifest.json", "README.md"}
    manifests = [json.loads(files["manifest.json"]) for files in (before, after)]
    assert {**manifests[0], "imported": fact} == manifests[1]


def test_a_pool_on_the_hub_is_imported_by_name_and_tag(lost: Lost, tmp_path: Path) -> None:
    trial = lost.trial
    assert trial.build().code == 0
    with hub.serving(tmp_path / "hub") as server:
        trial.environ |= {
            "HF_ENDPOINT": server.url,
            "HF_TOKEN": server.token,
            "HF_HUB_DISABLE_XET": "1",
            "HF_HOME": str(tmp_path / "cache"),
            # The Hub's client uploads in a way that its own HTTP library warns of.
            "PYTHONWARNINGS": "error,ignore:Use 'content:DeprecationWarning",
        }
        assert trial.cli("publish", "--repo-id", "org/data").code == 0
        shutil.rmtree(trial.run_folder)
        lost.forget_requests()
        ran = trial.cli("import", "org/data@v1.0.0", "--json")
        assert counts(ran.json) == {"read": 24, "imported": 24, "asked": 24}
        asked_for = [request.path for request in server.log if "/resolve/" in request.path]
        assert not [path for path in asked_for if "/reward/" in path]
        absent = trial.cli("import", "org/data@v9.0.0")
        assert absent.code == 2
        assert "v9.0.0" in absent.err
    assert trial.build().code == 0
    assert lost.asked == [0, 0]
    manifest = json.loads((trial.dataset / "manifest.json").read_bytes())
    assert manifest["imported"] == {"a": {"org/data@v1.0.0": 12}, "b": {"org/data@v1.0.0": 12}}


def test_again_adds_nothing_and_changes_nothing_that_is_stored(lost: Lost) -> None:
    lost.bring()
    before = lost.trial.query("SELECT * FROM completion ORDER BY id")
    assert counts(lost.bring()) == {"read": 24, "stored": 24, "asked": 24}
    rewrite(
        next(lost.published.glob("pool/de/train-*.parquet")), lambda rows: [row.update(completion="x") for row in rows]
    )
    ran = lost.trial.run("import", str(lost.published))
    assert ran.code == 2
    assert "the pool is not what its manifest says; nothing was imported" in ran.err
    assert lost.trial.query("SELECT * FROM completion ORDER BY id") == before


def test_what_was_asked_since_stays(lost: Lost) -> None:
    assert lost.trial.build().code == 0
    before = lost.trial.query("SELECT * FROM completion ORDER BY id")
    assert counts(lost.bring()) == {"read": 24, "stored": 24, "asked": 24}
    assert lost.trial.query("SELECT * FROM completion ORDER BY id") == before
    assert lost.trial.query("SELECT DISTINCT imported_from FROM completion") == [(None,)]


def test_a_teacher_that_is_gone_can_still_be_built_with(lost: Lost) -> None:
    lost.trial.teachers["a"]["endpoint"] = ["http://127.0.0.1:9"]
    lost.bring()
    assert lost.trial.build().code == 0
    assert lost.asked == [0, 0]


def test_the_nickname_and_the_endpoint_do_not_matter(lost: Lost) -> None:
    lost.trial.teachers = {"renamed": lost.trial.teachers["a"], "b": lost.trial.teachers["b"]}
    assert counts(lost.bring()) == {"read": 24, "imported": 24, "asked": 24}
    assert lost.trial.build().code == 0
    assert lost.asked == [0, 0]


CHANGES: dict[str, tuple[dict[str, Any], int]] = {
    "sampling": ({"sampling": {"temperature": 0.9}}, 12),
    "system": ({"system": {"de": "Kurz."}}, 6),
    "format": ({"format": "raw"}, 12),
    "api": ({"api": "openai"}, 12),
    "extra": ({"extra": {"frequency_penalty": 0.1}}, 12),
    "pinned revision": ({"revision": "f" * 40}, 12),
}


@pytest.mark.parametrize(("change", "gone"), CHANGES.values(), ids=CHANGES)
def test_other_settings_import_nothing_false(lost: Lost, change: dict[str, Any], gone: int) -> None:
    lost.trial.teachers["a"] |= change
    assert counts(lost.bring()) == {"read": 24, "imported": 24 - gone, "asked": 24 - gone, "other": gone}
    if "revision" in change:
        lost.handles[0].faults.set(info_sha="f" * 40)
    assert lost.trial.build().code == 0
    assert lost.asked == [gone, 0]


def test_another_revision_that_is_served_is_asked_again(lost: Lost) -> None:
    lost.handles[0].faults.set(info_sha="f" * 40)
    lost.bring()
    assert lost.trial.build().code == 0
    assert lost.asked == [12, 0]
    manifest = json.loads((lost.trial.dataset / "manifest.json").read_bytes())
    assert manifest["imported"] == {"b": {"published": 12}}


def test_failed_asks_are_asked_again_and_more_prompts_are_asked(lost: Lost) -> None:
    shutil.rmtree(lost.published)
    lost.trial.more["tolerate"] = 1
    for handle in lost.handles:
        handle.faults.set(by_prompt={"validation": 0.5})
    lost.trial.build()
    failed = sum(row["error"] is not None for row in lost.trial.pool())
    assert 0 < failed < 24
    for handle in lost.handles:
        handle.faults.clear()
    lost.lose_the_store()
    lost.trial.prompts = rows(8)
    found = lost.bring()
    assert counts(found) == {"read": 24, "imported": 24 - failed, "asked": 24 - failed, "not_text": failed}
    assert lost.trial.build().code == 0
    assert sum(lost.asked) == failed + 8


def test_prompts_that_the_recipe_lacks_are_kept_and_said(lost: Lost) -> None:
    lost.trial.prompts = rows(2)
    assert counts(lost.bring()) == {"read": 24, "imported": 24, "asked": 8}
    lost.trial.prompts = rows(6)
    assert lost.trial.build().code == 0
    assert lost.asked == [0, 0]


def test_an_older_store_takes_imports(lost: Lost) -> None:
    lost.trial.run_folder.mkdir(parents=True)
    with sqlite3.connect(lost.trial.store) as connection:
        connection.executescript(f"{TABLES} PRAGMA user_version = 1;")
        connection.execute(
            "INSERT INTO completion (id, prompt_id, model, revision, draw) VALUES ('c', 'p', 'm', 'r', 0)"
        )
    connection.close()
    assert lost.bring()["imported"] == 24
    assert lost.trial.query("SELECT imported_from FROM completion WHERE id = 'c'") == [(None,)]


def test_killed_at_any_moment_the_same_import_goes_on(lost: Lost) -> None:
    lost.trial.prompts = rows(10_000)
    source = write(lost.trial.folder / "batch.jsonl", batch(lost))
    lost.trial.write()
    stored = 0
    for _ in range(4):
        with lost.trial.start("import", source) as process:
            while process.poll() is None and _stored(lost.trial) <= stored:
                time.sleep(0.01)
            time.sleep(0.02)
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=30)
        assert _stored(lost.trial) >= stored
        stored = _stored(lost.trial)
        assert stored % 500 == 0
    assert 0 < stored < 40_000
    found = lost.bring(source)
    assert counts(found) == {"read": 40_000, "imported": 40_000 - stored, "stored": stored, "asked": 40_000}


def _stored(trial: Trial) -> int:
    if not trial.store.exists() or not trial.query("SELECT 1 FROM sqlite_master WHERE name = 'completion'"):
        return 0
    return int(trial.query("SELECT count(*) FROM completion")[0][0])
