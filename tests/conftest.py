"""Tests interrupt commands, and a shell lets what it runs in the background, and all its children, ignore that."""

import signal
from pathlib import Path

import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

LONG = Path(__file__).parent / "miniature"
TOGETHER = Path(__file__).parent / "training"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that not one worker is left with it in the end; build what is shared once."""
    items.sort(key=lambda item: LONG not in item.path.parents)
    for item in items:
        place = TOGETHER if TOGETHER in item.path.parents else item.path
        item.add_marker(pytest.mark.xdist_group(str(place.relative_to(TOGETHER.parent))))
