"""kill -9 at twenty moments in every stage: nothing durable is asked again, and the dataset is the same."""

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest
import tgi
from line.trial import Trial, contents, double, rows, teacher

SOURCES = 600
OTHERS = 15_000
"""Rows in a language that the recipe does not have: they make reading take long enough to be killed in."""
STAGES = {"begins": 0.3, "reading": 0.4, "asking": 0.8, "scoring": 0.5, "writing": 0.2}
"""The word in the run's log at which a stage begins, and about how many seconds it lasts here."""
KILLS = ["begins"] * 2 + ["reading"] * 3 + ["asking"] * 7 + ["scoring"] * 4 + ["writing"] * 4
CONCURRENCY = 8
BATCH = 256

Pair = tuple[str, str]
"""A model and the key of a prompt."""


class Killed(NamedTuple):
    """What a build left when it was killed."""

    asked: list[Pair]
    durable: set[Pair]


REWARD = """
import time
def score(prompts, completions, reference, **_):
    time.sleep(0.0003 * len(completions))
    return [float(len(c[0]["content"]) % 97) for c in completions]
"""


def _trial(folder: Path, handles: Sequence[tgi.Handle]) -> Trial:
    trial = Trial(
        folder,
        {
            name: teacher(name, handle.url, concurrency=CONCURRENCY)
            for name, handle in zip(("a", "b"), handles, strict=True)
        },
        prompts=rows(OTHERS, ["en"]) + rows(SOURCES),
        arms={"reward": {"router": "reward"}, "random": {"router": "random"}},
        more={"rewards": {"slow": {"python": "slow:score"}}, "patience": "5m"},
    )
    trial.write()
    (folder / "slow.py").write_text(REWARD)
    return trial


def _durable(trial: Trial) -> set[Pair]:
    if not trial.store.exists():
        return set()
    if not trial.query("SELECT 1 FROM sqlite_master WHERE name = 'completion'"):
        return set()
    found = trial.query(
        "SELECT c.model, json_extract(p.messages, '$[0].content') FROM completion c JOIN prompt p ON p.id = c.prompt_id"
    )
    return {(model, tgi.key_of(prompt)) for model, prompt in found}


def _asked(handles: Sequence[tgi.Handle]) -> list[Pair]:
    return [(handle.double.model_id, request.key) for handle in handles for request in handle.log]


def _kill_at(trial: Trial, stage: str, delay: float) -> bool:
    """Start a build and kill it `delay` after a stage, or the next, has begun; say whether it had not ended."""
    order = list(STAGES)
    words = [f" {word}" for word in order[order.index(stage) :]]
    log = trial.run_folder / "run.log"
    seen = log.stat().st_size if log.exists() else 0
    with trial.start("build") as process:
        try:
            while process.poll() is None:
                with suppress(FileNotFoundError):
                    text = log.read_bytes()[seen:].decode()
                    if any(word in text for word in words):
                        time.sleep(delay)
                        break
                time.sleep(0.002)
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            _, err = process.communicate(timeout=30)
        except BaseException:
            process.kill()
            raise
    assert process.returncode in (0, -signal.SIGKILL), err
    return process.returncode != 0


@pytest.fixture
def handles() -> Iterator[list[tgi.Handle]]:
    with tgi.serve([double("a", latency=0.02), double("b", latency=0.02)]) as served:
        yield served


def test_twenty_kills(tmp_path: Path, handles: list[tgi.Handle]) -> None:
    calm = _trial(tmp_path / "calm", handles)
    assert calm.cli("build").code == 0
    expected = contents(calm.dataset)
    assert len(expected) > 10
    whole = sorted(_asked(handles))
    assert len(set(whole)) == len(whole) == 2 * 2 * SOURCES
    for handle in handles:
        handle.log.clear()

    trial, moments = _trial(tmp_path / "killed", handles), Random(20)
    killed: list[Killed] = []
    for stage in KILLS:
        # A stage that is over before it is killed is tried again, a little earlier each time.
        for shorter in (1.0, 0.5, 0.2, 0.0):
            came = _kill_at(trial, stage, shorter * STAGES[stage] * moments.random())
            time.sleep(0.05)  # the doubles notice that nobody waits any more
            asked, durable = _asked(handles), _durable(trial)
            for before in killed:
                assert not before.durable - durable
            if came:
                break
        killed.append(Killed(asked, durable))
        fresh = _fresh(asked, killed[-2].asked if len(killed) > 1 else [])
        lost = [pair for pair in fresh if pair not in durable]
        assert len(lost) <= 2 * CONCURRENCY + BATCH, stage
        if trial.dataset.exists():
            assert contents(trial.dataset) == expected
        # Whoever looks after a kill is answered.
        assert trial.run("status", "--json").json["name"] == "trial" if durable else True

    final = trial.cli("build")
    assert final.code == 0
    assert contents(trial.dataset) == expected
    asked = _asked(handles)
    assert set(asked) == set(whole)
    for before in killed:
        assert not before.durable & set(_fresh(asked, before.asked))
    # In all stages there were kills: while nothing, something and everything was stored.
    stored = [len(before.durable) for before in killed]
    assert stored[0] == 0
    assert stored[-1] == len(whole)
    assert len(set(stored)) > 5


def _fresh(asked: Sequence[Pair], before: Sequence[Pair]) -> list[Pair]:
    """Return what was asked since; each double's log only grows at its end."""
    fresh = []
    for model in sorted({model for model, _ in asked}):
        seen = sum(name == model for name, _ in before)
        fresh += [pair for pair in asked if pair[0] == model][seen:]
    return fresh
