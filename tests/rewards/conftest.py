"""Reward models that tests make for themselves."""

from pathlib import Path

import pytest
from rewards.tiny_model import write_reward_model


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reward model without a padding token."""
    return write_reward_model(tmp_path_factory.mktemp("tiny") / "model")
