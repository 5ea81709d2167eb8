"""Models on the Hub: which commit a revision is."""

import re

from arbitrage.errors import HubError
from arbitrage.hub.refusals import explained
from arbitrage.recipe.model import REPO_ID

COMMIT = re.compile(r"[0-9a-f]{40}")


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
