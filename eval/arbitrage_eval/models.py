"""The models of a suite as lm-eval and retrieval see them: by their weights, or by the endpoint that serves them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from arbitrage.errors import RecipeError
from arbitrage.hub.model import model_commit
from arbitrage.recipe.model import REPO_ID, Teacher
from arbitrage.teachers.served import base

from arbitrage_eval.tasks.examined import Examined


def examined(models: Mapping[str, Teacher], folder: Path, backend: Literal["hf", "vllm"]) -> list[Examined]:
    """Return models as they are examined; one on the Hub at the commit that its revision is now.

    Raises:
        RecipeError: llama.cpp serves one, which gives no log-likelihoods and shows no hidden states.
        HubError: there is no such model.
    """
    found = []
    for name, model in models.items():
        if model.kind == "gguf":
            raise RecipeError(
                f"models.{name}: a GGUF file cannot be examined in tasks or retrieval: give transformers:, or "
                "serve it and give endpoint:"
            )
        if model.transformers is None:
            url = base(model, model.endpoint[0])
            found.append(Examined(name, model.revision, None, url, model.served_as or model.model, model.token))
        elif REPO_ID.fullmatch(model.transformers) and not (folder / model.transformers).is_dir():
            commit = model_commit(model.transformers, model.revision)
            found.append(Examined(name, commit, model.transformers, backend=backend))
        else:
            found.append(Examined(name, None, model.transformers, backend=backend))
    return found
