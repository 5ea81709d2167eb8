"""A trial whose English prompts are translated into three more languages by a double, or by another one slowly."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tgi
from arbitrage.translation.translating import BLOCK
from line.trial import Trial, double, rows, teacher
from tgi.translation import translator

LANGUAGES = ["ar", "de", "en", "tr"]


@pytest.fixture(scope="module")
def served() -> Iterator[list[tgi.Handle]]:
    with tgi.serve(
        [double("a"), double("nmt", answers=translator()), double("slow", answers=translator(), latency=0.02)]
    ) as handles:
        yield handles


@pytest.fixture
def trial(tmp_path: Path, served: list[tgi.Handle]) -> Iterator[Trial]:
    for handle in served:
        handle.log.clear()
    yield translated_trial(tmp_path, served[0], served[1])
    for handle in served:
        handle.faults.clear()
        handle.double.answers = translator() if handle is not served[0] else tgi.echo


def translated_trial(folder: Path, a: tgi.Handle, nmt: tgi.Handle, **settings: Any) -> Trial:
    translate = {"model": nmt.double.model_id, "endpoint": nmt.url, "api": "tgi", "to": "all", **settings}
    return Trial(
        folder,
        {"a": teacher("a", a.url)},
        prompts=rows(8, ["en"]),
        more={"languages": LANGUAGES, "translate": translate, "test": 0.3},
    )


def translations_stored(trial: Trial) -> int:
    """Return how many texts are translated, and stored."""
    if not trial.store.exists() or not trial.query("SELECT 1 FROM sqlite_master WHERE name = 'translation'"):
        return 0
    return int(trial.query("SELECT count(*) FROM translation")[0][0])


def kill_while_translating(trial: Trial, slow: tgi.Handle, texts: int) -> int:
    """Kill a build at the first, second and fourth block of its texts, each stored whole; return how often."""
    kills = 0
    for stored in (0, BLOCK, 3 * BLOCK):
        with trial.start("build") as process:
            while process.poll() is None:
                if translations_stored(trial) >= stored and len(slow.log) > stored:
                    break
                time.sleep(0.002)
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                kills += 1
            process.communicate(timeout=30)
        time.sleep(0.1)  # the double notices that nobody waits any more
        assert translations_stored(trial) % BLOCK == 0 or translations_stored(trial) == texts
    return kills
