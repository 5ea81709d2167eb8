"""kill -9 while rewards are scored: what is stored stays, and no more than the contract says is scored again."""

import signal
import time
from collections.abc import Callable, Sized
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import scoring
import tgi
from arbitrage.rewards.local import LocalReward
from arbitrage.rewards.score import BLOCK
from line.trial import Trial, contents, double, rows, teacher

CONCURRENCY, BATCH = 8, 256


def _trial(folder: Path, handle: tgi.Handle, reward: dict[str, Any], count: int) -> Trial:
    trial = Trial(
        folder,
        {"a": teacher("a", handle.url)},
        rows(count),
        arms={"single": {"router": "single", "teacher": "a"}},
        more={"rewards": {"r": reward}, "patience": "1m"},
    )
    trial.write()
    return trial


def _scores(trial: Trial) -> dict[str, float | None]:
    if trial.store.exists() and trial.query("SELECT 1 FROM sqlite_master WHERE name = 'score'"):
        return dict(trial.query("SELECT completion_id, value FROM score"))
    return {}


def _kill_when(trial: Trial, come: Callable[[], bool]) -> None:
    with trial.start("build") as process:
        while process.poll() is None and not come():
            time.sleep(0.005)
        assert process.poll() is None, process.communicate()
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)


def _quiet(log: Sized) -> int:
    """Return how long a log is once the server has read what a killed client had sent it."""
    count, since = len(log), time.monotonic()
    while time.monotonic() - since < 1:
        time.sleep(0.05)
        if len(log) != count:
            count, since = len(log), time.monotonic()
    return count


def test_blocks_in_this_process(tmp_path: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scored: list[int] = []
    score = LocalReward.score

    def counted(self: LocalReward, batch: Any, *more: Any) -> Any:
        scored.append(len(batch))
        return score(self, batch, *more)

    monkeypatch.setattr(LocalReward, "score", counted)
    with tgi.serve(double("a")) as handle:
        calm = _trial(tmp_path / "calm", handle, {"local": True, "model": str(tiny)}, 3 * BLOCK // 2)
        assert calm.build().code == 0
        assert scored == [BLOCK] * 3
        asked = len(handle.log)
        killed = _trial(tmp_path / "killed", handle, {"local": True, "model": str(tiny)}, 3 * BLOCK // 2)
        _kill_when(killed, lambda: bool(_scores(killed)))
        before = _scores(killed)
        assert len(before) in (BLOCK, 2 * BLOCK), "a block is there whole or not at all"
        scored.clear()
        assert killed.build().code == 0
        assert sum(scored) == 3 * BLOCK - len(before)
        assert len(handle.log) == 2 * asked
    after = _scores(killed)
    assert {name: after[name] for name in before} == before
    assert after == _scores(calm), "the same blocks, the same digits"
    assert contents(killed.dataset) == contents(calm.dataset)
    assert str(tiny) not in (killed.dataset / "recipe.yaml").read_text(), "where a model lies is nobody's business"


def test_served_scores(tmp_path: Path) -> None:
    with tgi.serve(double("a")) as handle, scoring.serve(scoring.Vllm("org/reward", delay=0.01)) as server:
        reward = {"endpoint": server.url, "api": "vllm", "model": "org/reward", "concurrency": CONCURRENCY}
        trial = _trial(tmp_path, handle, reward, 400)
        for wanted in (60, 200, 500):
            with suppress(AssertionError):
                _kill_when(trial, lambda wanted=wanted: len(server.log) >= wanted)  # type: ignore[misc]
        asked = _quiet(server.log)
        before = set(_scores(trial))
        assert asked < 800 + 3 * (CONCURRENCY + BATCH)
        assert len(before) >= asked - 3 * (CONCURRENCY + BATCH)
        assert trial.build().code == 0
        assert len(server.log) - asked == 800 - len(before)
    assert len(_scores(trial)) == 800
