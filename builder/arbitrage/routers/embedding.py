"""A sentence embedding by name: any model that sentence-transformers loads, static ones of model2vec among them."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arbitrage.errors import RouterError
from arbitrage.hub.model import folder_hash, model_commit
from arbitrage.recipe.published import published_source
from arbitrage.routers.features import MOST_CHARACTERS


class SentenceEmbedding:
    """An embedding model; nothing is loaded before the first text.

    Texts go through it one at a time, without padding, so that what stands for a text does not depend on others.
    """

    def __init__(self, model: str, revision: str | None, folder: Path, where: str) -> None:
        path = folder / model
        self._path = path if path.is_dir() else None
        self._wanted = revision
        self._where = where
        self.model = model

    @cached_property
    def revision(self) -> str:
        """The commit of a model on the Hub, or the sha256 of a folder's files."""
        return folder_hash(self._path) if self._path is not None else model_commit(self.model, self._wanted)

    @property
    def width(self) -> int:
        """How many numbers stand for a text."""
        return int(self(["a"]).shape[1])

    def as_dict(self) -> dict[str, object]:
        """Return what names it."""
        return {"model": published_source(self.model), "revision": self.revision, "width": self.width}

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return a row for each text, of length one; shape (texts, width).

        Raises:
            RouterError: the model cannot be loaded, or gives what is no number.
            HubError: the Hub has no such model or cannot be reached.
        """
        cut = [text[:MOST_CHARACTERS].encode("utf-8", "replace").decode() for text in texts]
        found = np.asarray(self._loaded.encode(cut, batch_size=1, show_progress_bar=False), np.float32)
        if not np.isfinite(found).all():
            raise RouterError(f"{self._where}: {self.model} gave what is no number")
        lengths = np.sqrt(np.square(found, dtype=np.float64).sum(1, keepdims=True))
        scaled: NDArray[np.float32] = (found / np.maximum(lengths, 1e-12)).astype(np.float32)
        return scaled

    @cached_property
    def _loaded(self) -> Any:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise RouterError(
                f"{self._where}: embeddings need more packages: pip install 'multilingual-arbitrage[router]'"
            ) from error
        name = str(self._path or self.model)
        try:
            return SentenceTransformer(name, revision=None if self._path else self.revision, trust_remote_code=False)
        except (OSError, ValueError, TypeError, KeyError, RuntimeError, ImportError, AttributeError) as error:
            what = f"{type(error).__name__}: {str(error)[:300]}"
            raise RouterError(f"{self._where}: {name} cannot be loaded as an embedding model: {what}") from error
