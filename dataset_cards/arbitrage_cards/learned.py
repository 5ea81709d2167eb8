"""What a learned arm goes by, and what held-out train sources say of it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from arbitrage_cards.escape import escape, plain
from arbitrage_cards.tables import ABSENT, count, number, places, shown, table

USES = {
    "text": "by the prompt's language and text",
    "languages": "by the prompt's language alone, since its text told nothing on held-out sources",
    "fixed": "by the highest mean reward in the language, as router `fixed` does, since it earned less than that on "
    "held-out sources",
}


def learned_section(manifest: Mapping[str, Any]) -> str:
    """Return what each learned arm learned on the pilot, or where it was fitted."""
    learned = (manifest.get("pilot") or {}).get("learned") or {}
    parts: list[str] = []
    for name, arm in sorted(manifest["arms"].items()):
        said = manifest["recipe"].get("arms", {}).get(name, {})
        if arm["router"] != "learned":
            continue
        if said.get("fitted") is not None:
            parts.append(_fitted(name, said))
        elif isinstance(learned.get(name), Mapping):
            told = learned[name]
            parts.append(
                f"Arm `{name}` asks the {count(told['top'])} most valuable of the teachers, {goes_by(told)} "
                f"{what_held_out_says(told)}"
            )
            parts += values_table(manifest["languages"], told["values"])
    return "\n\n".join(["## Learned routers", *parts]) if parts else ""


def _fitted(name: str, said: Mapping[str, Any]) -> str:
    revision = f" at `{plain(said['revision'], 12)}`" if said.get("revision") else ""
    return (
        f"Arm `{name}` asks the {count(number_of(said.get('top')))} most valuable of the teachers by a router that was "
        f"fitted before, {escape(said['fitted'])}{revision}: see its own card. It was not fitted on test "
        "sources of this dataset."
    )


def number_of(top: object) -> int:
    """Return how many teachers an arm asks; one where it does not say."""
    return top if isinstance(top, int) else 1


def goes_by(told: Mapping[str, Any]) -> str:
    """Return what a learned router goes by, to the end of the sentence."""
    embedding = told.get("embedding") or {}
    model = embedding.get("model")
    seen = f"; texts are seen by {escape(model)} at `{plain(embedding.get('revision'), 12)}`" if model else ""
    return f"{USES.get(told['uses'], ABSENT)}{seen}."


def what_held_out_says(told: Mapping[str, Any]) -> str:
    """Return what held-out train sources say of a learned router."""
    lead, signal = told["lead_over_fixed"], told["signal"]
    decimals = places([lead])
    return (
        f"It learned from {count(told['prompts'])} prompts of {count(told['sources'])} train sources. On sources it "
        "had not learned from, the teacher it puts first earned "
        f"{shown(lead, decimals, '+')} spreads of the reward more than the teacher with the highest mean in the "
        "language (95 % interval clustered by source). Of what sets answers to one prompt apart, language and teacher "
        f"explain {_share(signal['table'])} as fitted, and the text {_share(signal['text'])} more on held-out sources. "
        f"Where it expects one spread more, {_plain(told['slope'])} came on held-out sources."
    )


def values_table(languages: Iterable[str], values: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield the values of the teachers by language, before the text is looked at."""
    known = [language for language in languages if values.get(language)]
    teachers = sorted({teacher for language in known for teacher in values[language]})
    rows = [[escape(teacher), *(_value(values[language].get(teacher)) for language in known)] for teacher in teachers]
    yield "The value of each teacher before the text is looked at, in spreads of the reward within a prompt:"
    yield table(["teacher", *map(escape, known)], rows)


def _share(value: object) -> str:
    found = number(value)
    return ABSENT if found is None else f"{100 * found:.0f} %"


def _plain(value: object) -> str:
    found = number(value)
    return ABSENT if found is None else f"{found:.2f}"


def _value(value: object) -> str:
    found = number(value)
    return ABSENT if found is None else f"{found:+.2f}"
