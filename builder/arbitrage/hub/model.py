"""Which model it is: the commit of a revision on the Hub, or the content of a folder here."""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from arbitrage.errors import HubError
from arbitrage.hub.refusals import explained
from arbitrage.recipe.model import REPO_ID

COMMIT = re.compile(r"[0-9a-f]{40}")
WEIGHED = (".json", ".safetensors", ".bin", ".jinja", ".txt", ".model", ".npy")
"""Ends of the files that decide what a local model says."""


def model_commit(model: str, revision: str | None) -> str:
    """Return the commit that a model's revision is now, asking the Hub unless it is a commit already.

    Raises:
        HubError: there is no such model or revision, or it may not be read.
        HubUnavailable: the Hub cannot be reached.
    """
    if revision is not None and COMMIT.fullmatch(revision):
        return revision
    if not REPO_ID.fullmatch(model):
        raise HubError(f"{model}: is neither a folder here nor the name of a model on the Hub (org/name)")
    from huggingface_hub import HfApi

    shown = f"{model}@{revision}" if revision else model
    with explained(shown):
        sha = HfApi().model_info(model, revision=revision).sha
    if sha is None:
        raise HubError(f"{shown}: the Hub names no commit for it")
    return sha


def folder_hash(folder: Path) -> str:
    """Return the sha256 over the files of a model's folder that decide what it says, names and contents."""
    found = []
    for path in sorted(folder.iterdir()):
        if weighs(path):
            with path.open("rb") as file:
                found.append((path.name, hashlib.file_digest(file, "sha256").hexdigest()))
    return sum_of(found)


def weighs(path: Path) -> bool:
    """Say whether a file of a model's folder decides what it says."""
    return path.is_file() and path.name.endswith(WEIGHED) and not path.name.startswith(".")


def sum_of(files: Iterable[tuple[str, str]]) -> str:
    """Return the sha256 that stands for files by name and sha256, in order."""
    whole = hashlib.sha256()
    for name, digest in files:
        whole.update(f"{name} {digest}\n".encode())
    return whole.hexdigest()
