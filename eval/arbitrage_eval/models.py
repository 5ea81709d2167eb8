"""The models of a suite as lm-eval and retrieval see them: by their weights, or by the endpoint that serves them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from arbitrage.errors import RecipeError
from arbitrage.hub.model import model_commit
from arbitrage.recipe.model import REPO_ID, Teacher
from arbitrage.teachers.served import base

from arbitrage_eval.retrieval.entry import Retrieval
from arbitrage_eval.retrieval.pairs import read_pairs
from arbitrage_eval.tasks.examined import Examined


def examined(models: Mapping[str, Teacher], folder: Path, backend: Literal["hf", "vllm"]) -> list[Examined]:
    """Return models as they are examined; one on the Hub at the commit that its revision is now.

    Raises:
        RecipeError: llama.cpp serves one, which gives no log-likelihoods and shows no hidden states, or lm-eval would
            not ask it as the suite does.
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
            if model.system or model.extra:
                raise RecipeError(
                    f"models.{name}: lm-eval sends neither system: nor extra:, so tasks would ask another model than "
                    "prompts do: give it a suite without tasks:"
                )
            # TGI has the chat route of the others beside its own.
            url = base(model.model_copy(update={"api": "openai"}), model.endpoint[0])
            found.append(Examined(name, model.revision, None, url, model.served_as or model.model, model.token))
        elif REPO_ID.fullmatch(model.transformers) and not (folder / model.transformers).is_dir():
            commit = model_commit(model.transformers, model.revision)
            found.append(Examined(name, commit, model.transformers, backend=backend))
        else:
            found.append(Examined(name, None, model.transformers, backend=backend))
    return found


def check_retrieval(entries: Sequence[Retrieval], models: Sequence[Examined], folder: Path) -> None:
    """Refuse sentences that cannot be read, and models that show no hidden states, before anything is asked.

    Raises:
        PromptError: sentences cannot be read.
        RecipeError: a model is behind an endpoint.
    """
    for entry in entries:
        read_pairs(entry, folder)
        for model in models:
            if model.pretrained is None:
                raise RecipeError(
                    f"retrieval: {model.name} is behind an endpoint, which shows no hidden states: give its weights by "
                    "transformers:, or leave retrieval: to a suite of its own"
                )


def as_served(models: Sequence[Examined], served: Mapping[str, Sequence[Mapping[str, str]]]) -> list[Examined]:
    """Return models at the commits that answered, since a branch of the Hub may move while an evaluation is stopped."""
    return [
        replace(model, revision=served[model.name][0]["revision"])
        if model.revision is not None and model.pretrained is not None and len(served.get(model.name, ())) == 1
        else model
        for model in models
    ]
