"""A model as lm-eval sees it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from arbitrage.hub.model import folder_hash


@dataclass(frozen=True)
class Examined:
    """A model that transformers loads, or one behind an OpenAI-compatible chat endpoint."""

    name: str
    """What the suite calls it."""
    revision: str | None
    """The commit or the content of its files; of a folder here it is computed where it is None."""
    pretrained: str | None = None
    """A folder here, or a model on the Hub."""
    endpoint: str | None = None
    """Where it is served, with /v1 where the server wants that."""
    model: str | None = None
    """What the server calls it."""
    token: str | None = None
    backend: Literal["hf", "vllm"] = "hf"
    """What loads the weights, as lm-eval calls it."""

    def folder(self, start: Path) -> Path | None:
        """Return the folder of its files, where they are here; relative paths begin at `start`."""
        if self.pretrained is None or not (start / self.pretrained).is_dir():
            return None
        return (start / self.pretrained).resolve()

    def identity(self, start: Path) -> dict[str, Any]:
        """Return what says which model it is, wherever it lies and whatever it is called."""
        folder = self.folder(start)
        # The two do not say the same to the last digit.
        loaded = {} if self.backend == "hf" else {"backend": self.backend}
        if folder is not None:
            return {"files": self.revision or folder_hash(folder), **loaded}
        name = self.pretrained or self.model
        # Two servers may call different models by one name.
        return {**loaded, "model": name, "revision": self.revision, "endpoint": self.endpoint}
