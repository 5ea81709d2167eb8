"""A translator that fails, is somebody else or is killed in the middle: named, and nothing is lost."""

import signal
import time
from pathlib import Path

import pytest
import tgi
from arbitrage.translation.translating import BLOCK
from line.translated import kill_while_translating, served, translated_trial, translations_stored, trial
from line.trial import Trial, contents, double, rows
from tgi.translation import translator

__all__ = ["served", "trial"]


@pytest.mark.parametrize(("kind", "code"), [("unavailable", 1), ("reset", 1), ("payment", 2)])
def test_a_translator_that_fails_is_one_message_and_the_next_build_goes_on(
    trial: Trial, served: list[tgi.Handle], kind: str, code: int
) -> None:
    a, nmt, _ = served
    nmt.faults.set(by_prompt={kind: 1.0})
    ran = trial.build()
    assert ran.code == code
    assert "arbitrage: translate: " in ran.err
    assert not a.log
    nmt.faults.clear()
    assert trial.build().code == 0
    assert len(trial.table("reward")) == 32


@pytest.mark.parametrize("kind", ["overloaded", "incomplete", "reset", "cut_json"])
def test_troubles_that_pass_cost_no_prompt(trial: Trial, served: list[tgi.Handle], kind: str) -> None:
    served[1].faults.set(shares={kind: 0.2})
    assert trial.build("--until", "prompts").code == 0
    assert trial.query("SELECT count(*) FROM prompt") == [(32,)]


def test_what_the_server_refuses_is_dropped_by_name(trial: Trial, served: list[tgi.Handle]) -> None:
    served[1].faults.set(by_prompt={"validation": 1.0})
    trial.prompts, trial.more["tolerate"] = rows(1, ["en"]), 1
    ran = trial.build()
    assert ran.code == 0
    assert "translation into ar: 1 of 1 prompts have none (refused: 1)" in ran.out


def test_a_translator_that_is_somebody_else_or_lets_nobody_in_is_refused(trial: Trial) -> None:
    trial.more["translate"]["model"] = "org/other"
    ran = trial.build()
    assert ran.code == 2
    assert "translate: http://127.0.0.1" in ran.err and "'org/nmt'" in ran.err


def test_check_says_that_the_translator_is_down(trial: Trial, served: list[tgi.Handle]) -> None:
    trial.more["translate"]["endpoint"] = "http://127.0.0.1:1"
    trial.write()
    ran = trial.run("check")
    assert ran.code == 1
    assert "the translator does not answer: connection: cannot connect" in ran.out
    trial.more["translate"]["endpoint"] = served[1].url
    assert trial.build().code == 0
    # Everything is translated: nobody is missed.
    trial.more["translate"]["endpoint"] = "http://127.0.0.1:1"
    assert trial.build().code == 0


def test_a_token_is_sent_and_written_nowhere(trial: Trial) -> None:
    secret = "hf_s3cr3tS3CR3Ts3cr3t"
    with tgi.serve([double("locked", answers=translator(), api_key=secret)]) as (locked,):
        trial.more["translate"] |= {"model": "org/locked", "endpoint": "${URL}", "token": "${HF}"}
        trial.environ = {"URL": locked.url, "HF": secret}
        assert trial.build().code == 0
        trial.assert_nowhere(secret, trial.run("check"))
        trial.environ["HF"] = "hf_wrong"
        ran = trial.run("check")
        assert ran.code == 2
        assert "translate: " in ran.err
        # Whoever only looks needs neither address nor token.
        trial.environ = {}
        assert trial.run("status").code == 0


def test_an_interrupted_translation_goes_on(tmp_path: Path, served: list[tgi.Handle]) -> None:
    a, _, slow = served
    slow.log.clear()
    trial = translated_trial(tmp_path, a, slow, to=["de"])
    trial.prompts = rows(3 * BLOCK, ["en"])
    trial.write()
    with trial.start("build", "--until", "prompts") as process:
        while process.poll() is None and not (trial.store.exists() and translations_stored(trial)):
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.count("arbitrage: interrupted") == 1
    stored = translations_stored(trial)
    assert 0 < stored < 3 * BLOCK
    slow.log.clear()
    assert trial.run("build", "--until", "prompts").code == 0
    # Replies of a block that was not whole are there too.
    assert len(slow.log) <= 3 * BLOCK - stored


KILLED = 220


def test_killed_while_it_translates_it_loses_a_block_at_most(tmp_path: Path, served: list[tgi.Handle]) -> None:
    a, _, slow = served
    slow.log.clear()
    calm = translated_trial(tmp_path / "calm", a, slow, to=["de"])
    calm.prompts = rows(KILLED, ["en"])
    calm.write()
    assert calm.cli("build").code == 0
    expected = contents(calm.dataset)
    whole = sorted(request.key for request in slow.log)
    assert len(set(whole)) == len(whole) == KILLED
    slow.log.clear()

    trial = translated_trial(tmp_path / "killed", a, slow, to=["de"])
    trial.prompts = rows(KILLED, ["en"])
    trial.write()
    kills = kill_while_translating(trial, slow, KILLED)
    assert kills == 3
    assert trial.cli("build").code == 0
    assert contents(trial.dataset) == expected
    asked_for = [request.key for request in slow.log]
    assert set(asked_for) == set(whole)
    assert len(asked_for) - KILLED <= kills * BLOCK
