"""The retrieval of a suite: every model once, and what is known kept."""

import importlib.metadata
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from arbitrage.errors import ArbitrageError
from arbitrage.hub.model import folder_hash, model_commit
from arbitrage.identity import content_id
from arbitrage.run import to_json, write_whole

from arbitrage_eval.retrieval.entry import Retrieval
from arbitrage_eval.retrieval.nearest import NEIGHBOURS
from arbitrage_eval.retrieval.pairs import Pairs, digest, read_pairs
from arbitrage_eval.retrieval.rates import rates
from arbitrage_eval.retrieval.vectors import RULES, Encoder

if TYPE_CHECKING:
    from arbitrage_eval.retrieval.nearest import Array

LIBRARIES = ("numpy", "torch", "transformers")
VERSION = 1
"""Of the comparison; raised when the same vectors may give other figures."""


class Model(Protocol):
    """A model as retrieval sees it: a folder or a model on the Hub; one behind an endpoint shows no hidden states."""

    @property
    def pretrained(self) -> str | None:
        """A folder, or a model on the Hub."""

    @property
    def revision(self) -> str | None:
        """A commit or tag on the Hub."""


def run_retrieval(
    entry: Retrieval, models: Mapping[str, Model], folder: Path, where: Path, say: Callable[[str], None]
) -> dict[str, Any]:
    """Return an entry's figures by model, asking only models whose figures are not kept in `where` yet.

    A model that cannot be looked at has a key `failed` with the reason instead; the next call tries it again.

    Raises:
        PromptError: the sentences cannot be read.
    """
    pairs = read_pairs(entry, folder)
    where.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {}
    for name, model in models.items():

        def tell(line: str, name: str = name) -> None:
            say(f"{name}: {line}")

        try:
            found[name] = _kept(model, pairs, folder, where, tell)
        except ArbitrageError as error:
            tell(str(error))
            found[name] = {"failed": str(error)}
    return {"path": entry.path, "sentences": digest(pairs), "models": found}


def retrieve(
    pretrained: str,
    revision: str | None,
    pairs: Pairs,
    device: str | None = None,
    budget: int | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Return a model's accuracies over some pairs, and how its vectors were made.

    Args:
        pretrained: a folder, or a model on the Hub.
        revision: a commit or tag on the Hub.
        pairs: by language.
        device: such as cpu or cuda; the GPU where there is one, by default.
        budget: tokens of a batch, padding counted.
        say: is told how far it is.

    Raises:
        ArbitrageError: the model cannot be loaded or says nothing of the sentences.
    """
    # Once each, in an order of their own: figures do not depend on that of the file.
    texts = sorted({text for rows in pairs.values() for pair in rows for text in pair})
    encoder = Encoder(pretrained, revision, device, budget)
    try:
        step = max(1, len(texts) // 10)
        told = 0

        def tick(done: int) -> None:
            nonlocal told
            if done - told >= step or done == len(texts):
                told = done
                say(f"{done:,} of {len(texts):,} sentences")

        vectors = encoder.vectors(texts, tick)
        how = {**encoder.how, "device": encoder.device, "cut": encoder.cut}
    finally:
        encoder.release()
    places = {text: place for place, text in enumerate(texts)}

    def lookup(wanted: Sequence[str]) -> "Array":
        return vectors[[places[text] for text in wanted]]

    versions = {name: importlib.metadata.version(name) for name in LIBRARIES}
    return {**rates(pairs, lookup), "how": {**how, "neighbours": NEIGHBOURS}, "versions": versions}


def _kept(model: Model, pairs: Pairs, folder: Path, where: Path, say: Callable[[str], None]) -> dict[str, Any]:
    if model.pretrained is None:
        raise ArbitrageError("is behind an endpoint, which shows no hidden states; give its weights: transformers:")
    local = folder / model.pretrained
    if local.is_dir():
        source, pin, identity = str(local), None, folder_hash(local)
    else:
        source = model.pretrained
        pin = identity = model_commit(model.pretrained, model.revision)
    key = content_id(
        "retrieval",
        model=None if pin is None else source,
        revision=identity,
        sentences=digest(pairs),
        rules=RULES,
        version=VERSION,
        # A GPU takes another precision.
        gpu=_has_gpu(),
        libraries={name: importlib.metadata.version(name) for name in LIBRARIES},
    )
    path = where / f"{key}.json"
    if path.is_file():
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return kept
    found = {"revision": identity, **retrieve(source, pin, pairs, say=say)}
    write_whole(path, to_json(found))
    return found


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()
