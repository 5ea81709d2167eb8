"""A trial whose English prompts are translated into three more languages by a double, or by another one slowly."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tgi
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
