"""What is translated again after a change: by the translator's own log, exactly what the change made different."""

from collections.abc import Callable
from typing import Any

import pytest
import tgi
from line.translated import LANGUAGES, served, trial
from line.trial import Trial, contents, rows

__all__ = ["served", "trial"]


def _more(**settings: Any) -> Callable[[Trial], None]:
    return lambda trial: trial.more.update(settings)


def _translate(**settings: Any) -> Callable[[Trial], None]:
    return lambda trial: trial.more["translate"].update(settings)


def _teachers(trial: Trial) -> None:
    trial.teachers["a"]["sampling"] = {"temperature": 0.9}


def _carried(trial: Trial) -> None:
    trial.prompts = [{**row, "topic": "other", "answer": "other"} for row in trial.prompts]


FREE: dict[str, Callable[[Trial], None]] = {
    "nothing": lambda trial: None,
    "seed and split": _more(seed=8, test=0.5),
    "a teacher's sampling": _teachers,
    "carried columns": _carried,
    "license of the translator": _translate(license="mit"),
    "fewer languages": _translate(to=["de"]),
    "revision pinned to what is served": lambda trial: None,
    "fewer prompts": lambda trial: trial.prompts.__delitem__(slice(4)),
    "other source ids": lambda trial: trial.prompts.__setitem__(0, {**trial.prompts[0], "id": "moved"}),
}
COSTS: dict[str, tuple[Callable[[Trial], None], int]] = {
    "a changed prompt": (lambda trial: trial.prompts.__setitem__(0, {**trial.prompts[0], "prompt": "Another one?"}), 3),
    "a new prompt": (lambda trial: trial.prompts.extend(rows(9, ["en"])[8:]), 3),
    "max_length": (_translate(max_length=1000), 24),
    "extra": (_translate(extra={"frequency_penalty": 0.1}), 24),
    "api": (_translate(api="openai"), 24),
    "a column": (_translate(columns=["reference"]), 24),
    "another language": (_more(languages=[*LANGUAGES, "fr"]), 8),
}


@pytest.mark.parametrize("change", FREE.values(), ids=FREE)
def test_what_does_not_change_a_translation_costs_none(
    trial: Trial, served: list[tgi.Handle], change: Callable[[Trial], None]
) -> None:
    assert trial.build("--until", "prompts").code == 0
    served[1].log.clear()
    change(trial)
    assert trial.build("--until", "prompts").code == 0
    assert len(served[1].log) == 0


@pytest.mark.parametrize(("change", "count"), COSTS.values(), ids=COSTS)
def test_what_changes_a_translation_costs_it(
    trial: Trial, served: list[tgi.Handle], change: Callable[[Trial], None], count: int
) -> None:
    assert trial.build("--until", "prompts").code == 0
    served[1].log.clear()
    change(trial)
    assert trial.build("--until", "prompts").code == 0
    assert len(served[1].log) == count
    assert trial.build("--until", "prompts").code == 0
    assert len(served[1].log) == count


def test_another_model_or_revision_translates_anew_and_going_back_costs_nothing(
    trial: Trial, served: list[tgi.Handle]
) -> None:
    _, nmt, slow = served
    assert trial.build().code == 0
    before, settings = contents(trial.dataset), trial.more["translate"]
    trial.more["translate"] = {**settings, "model": "org/slow", "endpoint": slow.url}
    assert trial.build().code == 0
    assert len(slow.log) == 24
    assert {row["translation"]["model"] for row in trial.pool() if row["translation"]} == {"org/slow"}
    trial.more["translate"] = settings
    nmt.faults.set(info_sha="f" * 40)
    assert trial.build().code == 0
    assert len(nmt.log) == 48
    nmt.faults.clear()
    assert trial.build().code == 0
    assert (len(nmt.log), len(slow.log)) == (48, 24)
    assert contents(trial.dataset) == before


def test_a_limit_translates_its_own_sources_and_the_whole_only_the_rest(trial: Trial, served: list[tgi.Handle]) -> None:
    assert trial.build("--limit", "3").code == 0
    assert len(served[1].log) == 9
    assert len(served[0].log) == 12
    assert trial.build().code == 0
    assert len(served[1].log) == 24
    assert len(served[0].log) == 32
