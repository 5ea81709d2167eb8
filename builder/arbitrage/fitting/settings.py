"""How the language-model form of a router is trained: a YAML file."""

from pathlib import Path

from pydantic import Field

from arbitrage.recipe.part import Part
from arbitrage.recipe.reader import read_plain


class ModelSettings(Part):
    """A language model and how it learns whom to ask."""

    model: str = Field(min_length=1)
    """A folder, or a model on the Hub that transformers loads for sequence classification."""
    revision: str | None = None
    epochs: int = Field(3, ge=1, le=1000)
    learning_rate: float = Field(2e-5, gt=0, lt=1)
    batch_size: int = Field(16, ge=1, le=4096)
    gradient_accumulation: int = Field(1, ge=1, le=4096)
    warmup_steps: int = Field(0, ge=0)
    weight_decay: float = Field(0.0, ge=0)
    max_length: int = Field(512, ge=8, le=2**17)
    """Tokens of a prompt; the rest is cut off."""
    temperature: float = Field(1.0, gt=0)
    """Of the softmax over standardised rewards."""
    gradient_checkpointing: bool = False


def read_settings(path: Path) -> ModelSettings:
    """Read the settings of a language model.

    Raises:
        RecipeError: the file is not such a file; the message has every problem with its line.
    """
    return read_plain(ModelSettings, path)
