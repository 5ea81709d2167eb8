"""The router's language model: from a prompt alone, one output for each teacher."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arbitrage.errors import RouterError

DIGITS = 4
"""Digits of a value that decide: further ones depend on the machine."""


class LanguageModel:
    """A sequence classification model in a folder, whose labels are teachers; loaded when it is first asked.

    Texts go through it one at a time, without padding, so that a value does not depend on what else is asked.
    """

    def __init__(self, folder: Path, teachers: Sequence[str], max_length: int, temperature: float) -> None:
        self.folder, self.teachers = folder, list(teachers)
        self.max_length, self.temperature = max_length, temperature

    def values(self, text: str) -> NDArray[np.float64]:
        """Return what each teacher is worth for a text, above the mean of all; shape (teachers,).

        Raises:
            RouterError: the model cannot be loaded, has other teachers, or gives what is no number.
        """
        model, tokenizer = self._loaded
        import torch

        ids = torch.tensor([tokens(tokenizer, text, self.max_length)], device=model.device)
        with torch.inference_mode():
            logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0]
        found = logits.double().cpu().numpy() * self.temperature
        if not np.isfinite(found).all():
            raise RouterError(f"{self.folder}: the model gave what is no number")
        values: NDArray[np.float64] = np.round(found - found.mean(), DIGITS)
        return values

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        torch, auto_model, auto_tokenizer = _imported(self.folder)
        from safetensors import SafetensorError

        device = "cuda" if torch.cuda.is_available() else "cpu"
        try:
            tokenizer = auto_tokenizer.from_pretrained(self.folder, trust_remote_code=False)
            model = auto_model.from_pretrained(self.folder, trust_remote_code=False, dtype=torch.float32)
        except (OSError, ValueError, TypeError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
            raise RouterError(f"{self.folder}: cannot be loaded: {str(error)[:300]}") from error
        labels = [model.config.id2label[n] for n in range(model.config.num_labels)]
        if labels != self.teachers:
            raise RouterError(
                f"{self.folder}: its model has the labels {labels!r:.200}, not the teachers of router.json"
            )
        return model.to(device).eval(), tokenizer


def tokens(tokenizer: Any, text: str, max_length: int) -> list[int]:
    """Return the tokens of a text, in which the names of special tokens are mere text."""
    clean = text.encode("utf-8", "replace").decode()
    found: list[int] = tokenizer(clean, truncation=True, max_length=max_length, split_special_tokens=True)["input_ids"]
    return found


def _imported(folder: Path) -> tuple[Any, Any, Any]:
    try:
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer
    except ImportError as error:
        raise RouterError(
            f"{folder}: a language model needs more packages: pip install 'multilingual-arbitrage[router]'"
        ) from error
    return torch, AutoModelForSequenceClassification, AutoTokenizer
