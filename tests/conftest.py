"""How tests run, whoever runs them."""

import os
import signal
from pathlib import Path

import pytest

# Every core has tests to run: threads of one that wait for each other in a loop can take forty times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Tests interrupt commands, and a shell lets what it runs in the background, and all its children, ignore that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

LONG = [Path(__file__).parent / name for name in ("miniature", "training", "fitting")]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that not one worker is left with it in the end."""
    items.sort(key=lambda item: not any(place in item.path.parents for place in LONG))
