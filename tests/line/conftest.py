from collections.abc import Iterator
from pathlib import Path

import pytest
import tgi
from line.lost import Lost
from line.trial import double


@pytest.fixture(scope="module")
def two_doubles() -> Iterator[list[tgi.Handle]]:
    with tgi.serve([double("a"), double("b")]) as served:
        yield served


@pytest.fixture
def lost(tmp_path: Path, two_doubles: list[tgi.Handle]) -> Iterator[Lost]:
    made = Lost(tmp_path, two_doubles)
    assert made.trial.build().code == 0
    made.lose_the_store()
    yield made
    for handle in two_doubles:
        handle.faults.clear()
        handle.log.clear()
