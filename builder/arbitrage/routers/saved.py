"""A fitted router as a folder: `router.json`, and the weights of the text or the language model beside it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from arbitrage.errors import RouterError
from arbitrage.hub.model import folder_hash, model_commit
from arbitrage.hub.refusals import explained
from arbitrage.records import Prompt
from arbitrage.routers.embedding import SentenceEmbedding
from arbitrage.routers.features import Embedding, Hashed
from arbitrage.routers.language_model import LanguageModel
from arbitrage.routers.values import Values

NAME, WEIGHTS, LEARNED_FROM = "router.json", "weights.npy", "learned_from.txt"
MAX_BYTES = 16 * 2**20

Floats = NDArray[np.float64]


class Valuing(Protocol):
    """What knows the value of each teacher for a prompt."""

    @property
    def teachers(self) -> list[str]:
        """The teachers, in the order of the values."""
        ...

    @property
    def table(self) -> Mapping[str, Floats]:
        """By language, what is known of each teacher before the text is looked at."""
        ...

    def of(self, texts: list[str], language: str) -> Floats:
        """Return the values, NaN where nothing is known; shape (texts, teachers)."""
        ...


class Model(BaseModel):
    """How the language model is asked."""

    model_config = ConfigDict(extra="forbid", strict=True)
    base: str
    base_revision: str | None
    max_length: int = Field(ge=1)
    temperature: float = Field(gt=0)


class Described(BaseModel):
    """What `router.json` holds."""

    model_config = ConfigDict(extra="forbid", strict=True)
    format: Literal[1] = 1
    form: Literal["light", "model"]
    seed: int
    pool: str
    """What it was learned from is called."""
    teachers: list[str] = Field(min_length=1)
    table: dict[str, list[float | None]]
    """By language, the value of each teacher; None of one that is not known there."""
    spreads: dict[str, float]
    embedding: dict[str, Any] | None
    model: Model | None
    told: dict[str, Any]
    """What held-out sources say of it."""
    added: dict[str, dict[str, Any]] = {}
    """The same of teachers that came later."""


class ModelValues:
    """The values that a language model sees in a text, for the teachers of each language."""

    def __init__(self, model: LanguageModel, table: Mapping[str, Floats], teachers: list[str]) -> None:
        self.model, self.table, self.teachers = model, table, teachers

    def of(self, texts: list[str], language: str) -> Floats:
        """Return the values, NaN where the teacher does not serve the language; shape (texts, teachers)."""
        served = np.isfinite(self.table[language])
        return np.array([np.where(served, self.model.values(text), np.nan) for text in texts])


@dataclass(frozen=True, slots=True)
class Saved:
    """A fitted router as read back."""

    folder: Path
    revision: str
    """The commit of one on the Hub, or the sha256 over a folder's files."""
    described: Described
    values: Valuing
    learned_from: frozenset[str]

    def has_seen(self, prompt: Prompt) -> bool:
        """Say whether it learned from this prompt, or from a translation of it."""
        return not self.learned_from.isdisjoint((marked(prompt.id), marked(prompt.source_id)))


def marked(name: str) -> str:
    """Return what stands for the id of a prompt or source among those that were learned from."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def write_saved(folder: Path, described: Described, weights: Floats | None, learned_from: set[str]) -> None:
    """Write a fitted router into a folder that is there."""
    text = json.dumps(described.model_dump(), ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False)
    (folder / NAME).write_text(text + "\n", encoding="utf-8")
    (folder / LEARNED_FROM).write_text("".join(f"{one}\n" for one in sorted(learned_from)), encoding="utf-8")
    if weights is not None:
        np.save(folder / WEIGHTS, weights, allow_pickle=False)


def read_saved(name: str, revision: str | None, folder: Path, where: str) -> Saved:
    """Read a fitted router from a folder, relative to `folder`, or from the Hub.

    Raises:
        RouterError: there is none, or it is not one that this version wrote.
        HubError: the Hub has no such repository or cannot be reached.
    """
    path = folder / name
    if path.is_dir():
        commit = folder_hash(path)
    else:
        commit = model_commit(name, revision)
        from huggingface_hub import snapshot_download

        with explained(f"{name}@{revision}"):
            kinds = ["*.json", "*.txt", "*.npy", "*.safetensors", "*.model"]
            path = Path(snapshot_download(name, revision=commit, allow_patterns=kinds))
    file = path / NAME
    if not file.is_file() or file.stat().st_size > MAX_BYTES:
        raise RouterError(f"{where}: {path} holds no {NAME}: it is no router that arbitrage fit wrote")
    try:
        described = Described.model_validate_json(file.read_bytes())
        values = _values(path, described, folder, where)
        seen = frozenset((path / LEARNED_FROM).read_text(encoding="utf-8").split())
    except (ValidationError, ValueError, OSError, KeyError, EOFError) as error:
        what = str(error).splitlines()[0][:200]
        raise RouterError(f"{where}: {path} is no router that this version can read: {what}") from error
    return Saved(path, commit, described, values, seen)


def _values(path: Path, described: Described, folder: Path, where: str) -> Valuing:
    count = len(described.teachers)
    table = {
        language: np.array([np.nan if value is None else value for value in row], np.float64)
        for language, row in described.table.items()
    }
    if any(len(row) != count for row in table.values()):
        raise ValueError("a row of its table has another length than its teachers")
    if described.model is not None and described.told.get("uses") != "fixed":
        model = LanguageModel(path, described.teachers, described.model.max_length, described.model.temperature)
        return ModelValues(model, table, described.teachers)
    weights = None
    embedding: Embedding = Hashed()
    if (path / WEIGHTS).is_file():
        weights = np.load(path / WEIGHTS, allow_pickle=False)
        if described.embedding is not None:
            named = described.embedding["model"]
            embedding = SentenceEmbedding(named, described.embedding["revision"], folder, where)
            if embedding.revision != described.embedding["revision"]:
                raise RouterError(f"{where}: it was learned with other files of {named} than are there now")
        if weights.dtype != np.float64 or weights.ndim != 2 or weights.shape[1] != count:
            raise ValueError(f"{WEIGHTS} does not fit its teachers")
    return Values(described.teachers, table, weights, embedding, described.spreads)


def described_table(values: Values) -> dict[str, list[float | None]]:
    """Return a table as `router.json` holds it."""
    return {
        language: [float(one) if np.isfinite(one) else None for one in row] for language, row in values.table.items()
    }
