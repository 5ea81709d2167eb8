"""What an evaluation found of a model, in that model's card: a section to read, and `model-index` for the Hub."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arbitrage.errors import HubError, RecipeError
from arbitrage.recipe.model import REPO_ID
from arbitrage_cards import examined, results_section

if TYPE_CHECKING:
    from huggingface_hub import EvalResult, ModelCard

CARD = "README.md"


def put_into(found: Mapping[str, Any], model: str, where: str) -> str:
    """Put what was found of a model into its card, in place of what the same suite found before; return where that is.

    Args:
        found: the results of an evaluation.
        model: which of its models.
        where: the model's folder, or its repository on the Hub, where it makes one commit.

    Raises:
        RecipeError: the evaluation has no such model.
        HubError: there is no such folder or repository, or it does not allow it.
    """
    from arbitrage.hub.refusals import explained
    from huggingface_hub import HfApi, hf_hub_download

    of_model = only(found, model)
    if Path(where).is_dir():
        path = Path(where) / CARD
        text = path.read_text(encoding="utf-8") if path.is_file() else f"---\n---\n\n# {Path(where).name}\n"
        card = _card(text, str(path))
        _renew(card, of_model, model)
        path.write_text(str(card), encoding="utf-8")
        return str(path)
    if not REPO_ID.fullmatch(where):
        raise HubError(f"{where!a} is neither a folder here nor a model on the Hub such as org/name")
    with explained(where):
        card = _card(Path(hf_hub_download(where, CARD)).read_text(encoding="utf-8"), where)
        _renew(card, of_model, model)
        message = f"Results of suite {found['suite']['name']}"
        commit = HfApi().upload_file(
            path_or_fileobj=str(card).encode("utf-8"), path_in_repo=CARD, repo_id=where, commit_message=message
        )
        return f"{where} at commit {commit.oid}"


def _card(text: str, where: str) -> "ModelCard":
    from huggingface_hub import ModelCard

    try:
        return ModelCard(text)
    except Exception as error:
        # Whatever a parser makes of what somebody wrote.
        raise RecipeError(f"{where}: the head of this card cannot be read ({type(error).__name__}): mend it") from error


def only(found: Mapping[str, Any], model: str) -> dict[str, Any]:
    """Return the part of results that is about a model.

    Raises:
        RecipeError: they have no such model.
    """
    kept = {name: {model: rows[model]} for name, rows in found.get("rewards", {}).items() if model in rows}
    part = {"suite": found["suite"], "rewards": kept, "shortfalls": found.get("shortfalls", [])}
    if model in (tasks := found.get("tasks", {"models": {}}))["models"]:
        part["tasks"] = {**tasks, "models": {model: tasks["models"][model]}}
    part["retrieval"] = {
        path: {**one, "models": {model: one["models"][model]}}
        for path, one in found.get("retrieval", {}).items()
        if model in one["models"]
    }
    if "win_rates" in found:
        pairs = [pair for pair in found["win_rates"]["pairs"] if model in (pair["model"], pair["baseline"])]
        if pairs:
            part["win_rates"] = {**found["win_rates"], "pairs": pairs}
    if not kept and not list(examined(part)) and "win_rates" not in part:
        raise RecipeError(f"the results say nothing of {model!a}: they are of {', '.join(names(found))}")
    return part


def names(found: Mapping[str, Any]) -> list[str]:
    """Return the models that results are of."""
    return sorted({*found.get("counts", {}), *(model for model, *_ in examined(found))})


def _renew(card: "ModelCard", found: Mapping[str, Any], model: str) -> None:
    name = found["suite"]["name"]
    begin, end = (f"<!-- {edge} of the results of suite {name} -->" for edge in ("begin", "end"))
    text = re.sub(rf"\n*{re.escape(begin)}.*?{re.escape(end)}\n*", "\n", card.text, flags=re.DOTALL)
    section = results_section([found], "The results.json of the evaluation has every figure.")
    card.text = f"{text.rstrip()}\n\n{begin}\n{section}\n{end}\n"
    data: Any = card.data
    others = [one for one in data.eval_results or [] if (one.dataset_args or {}).get("suite") != name]
    data.eval_results = [*others, *_index(found, model)]
    data.model_name = data.model_name or model


def _index(found: Mapping[str, Any], model: str) -> Iterator["EvalResult"]:
    """Yield what the Hub shows beside the card: figures over all languages."""
    from huggingface_hub import EvalResult

    suite = found["suite"]["name"]

    def one(dataset: str, metric: str, value: float | None) -> Iterator[EvalResult]:
        if value is not None:
            yield EvalResult(
                task_type="text-generation",
                dataset_type=dataset,
                dataset_name=dataset,
                dataset_args={"suite": suite},
                metric_type=metric,
                metric_value=round(value, 4),
            )

    for pair in found.get("win_rates", {}).get("pairs", ()):
        if pair["model"] == model:
            rates = pair["mean"]["macro"]
            yield from one(suite, f"win rate against {pair['baseline']}", rates["raw"]["value"])
            yield from one(
                suite, f"length-controlled win rate against {pair['baseline']}", rates["length_controlled"]["value"]
            )
    for reward, models in found["rewards"].items():
        yield from one(suite, reward, models[model]["macro"]["value"])
    for _, task, figure, value in examined(found):
        yield from one(task, figure, value["value"])
