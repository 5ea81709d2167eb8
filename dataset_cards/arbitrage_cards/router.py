"""The card of a fitted router."""

from collections.abc import Mapping
from typing import Any

from arbitrage_cards.escape import escape, plain
from arbitrage_cards.front_matter import scalar
from arbitrage_cards.learned import goes_by, values_table, what_held_out_says
from arbitrage_cards.tables import count, number, table


def router_card(described: Mapping[str, Any]) -> str:
    """Return the card of a fitted router, from what its `router.json` holds."""
    told, model = described["told"], described["model"]
    teachers = described["teachers"]
    values = {
        language: {name: value for name, value in zip(teachers, row, strict=True) if value is not None}
        for language, row in described["table"].items()
    }
    languages = sorted(values)
    parts = [
        f"# A router among {count(len(teachers))} teachers",
        f"It says from a prompt alone which teacher of a pool is worth most for it. It was fitted on train sources of "
        f"{escape(described['pool'])} and goes {goes_by(told)} {what_held_out_says(told)}",
    ]
    if model is not None:
        revision = f" at `{plain(model['base_revision'], 40)}`" if model["base_revision"] else ""
        parts.append(
            f"The language model is {escape(model['base'])}{revision} with one output a teacher, trained towards the "
            f"softmax of rewards that are standardised in each language (temperature {model['temperature']:g}) on all "
            f"sources but those of {count(told['held_out'])} held-out prompts; `AutoModelForSequenceClassification` "
            "loads it."
        )
    parts += values_table(languages, values)
    if described["added"]:
        rows = [
            [escape(name), count(one["prompts"]), count(one["sources"]), _slope(one["slope"])]
            for name, one in sorted(described["added"].items())
        ]
        parts += [
            "Teachers that came later, fitted beside the others, whose values stayed as they were. The slope is how "
            "much came on held-out sources where one spread more was expected:",
            table(["teacher", "prompts", "sources", "slope"], rows),
        ]
    parts += [
        "## Use",
        "In a recipe of multilingual-arbitrage, whose teachers have the same names; `fitted:` is this folder, or its "
        "name on the Hub with `revision:`. It refuses test prompts that it was fitted on.",
        "```yaml\narms:\n  learned: {router: learned, fitted: ./router, top: 2}\n```",
    ]
    return _head(languages, model) + "\n" + "\n\n".join(parts) + "\n"


def _head(languages: list[str], model: Mapping[str, Any] | None) -> str:
    lines = ["---", "tags:", "- multilingual-arbitrage", "- routing"]
    lines += ["language:", *(f"- {scalar(one)}" for one in sorted({x.split("-")[0] for x in languages}))]
    if model is not None:
        lines += ["library_name: transformers", "pipeline_tag: text-classification"]
        if "/" in model["base"]:
            lines.append(f"base_model: {scalar(model['base'])}")
    return "\n".join([*lines, "---", ""])


def _slope(value: object) -> str:
    found = number(value)
    return "–" if found is None else f"{found:.2f}"
