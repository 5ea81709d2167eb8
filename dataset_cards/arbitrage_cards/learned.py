"""What a learned arm goes by, and what held-out train sources say of it."""

from collections.abc import Iterator, Mapping
from typing import Any

from arbitrage_cards.escape import escape
from arbitrage_cards.tables import ABSENT, count, number, places, shown, table

USES = {
    "text": "by the prompt's language and text",
    "languages": "by the prompt's language alone, since its text told nothing on held-out sources",
    "fixed": "by the highest mean reward in the language, as router `fixed` does, since it earned less than that on "
    "held-out sources",
}


def learned_section(manifest: Mapping[str, Any]) -> str:
    """Return what each learned arm learned on the pilot."""
    learned = (manifest.get("pilot") or {}).get("learned") or {}
    parts = [
        part
        for name, arm in sorted(manifest["arms"].items())
        if arm["router"] == "learned" and isinstance(learned.get(name), Mapping)
        for part in _of_arm(manifest, name, learned[name])
    ]
    return "\n\n".join(["## Learned routers", *parts]) if parts else ""


def _of_arm(manifest: Mapping[str, Any], name: str, told: Mapping[str, Any]) -> Iterator[str]:
    lead, signal = told["lead_over_fixed"], told["signal"]
    decimals = places([lead])
    yield (
        f"Arm `{name}` asks the {count(told['top'])} most valuable of the teachers, {USES.get(told['uses'], ABSENT)}. "
        f"It learned from {count(told['prompts'])} prompts of {count(told['sources'])} train sources. On sources it "
        "had not learned from, the teacher it puts first earned "
        f"{shown(lead, decimals, '+')} spreads of the reward more than the teacher with the highest mean in the "
        "language (95 % interval clustered by source). Of what sets answers to one prompt apart, language and teacher "
        f"explain {_share(signal['table'])} as fitted, and the text {_share(signal['text'])} more on held-out sources. "
        f"Where it expects one spread more, {_plain(told['slope'])} came on held-out sources."
    )
    languages = [language for language in manifest["languages"] if told["values"].get(language)]
    teachers = sorted({teacher for language in languages for teacher in told["values"][language]})
    rows = [
        [escape(teacher), *(_value(told["values"][language].get(teacher)) for language in languages)]
        for teacher in teachers
    ]
    yield "The value of each teacher before the text is looked at, in spreads of the reward within a prompt:"
    yield table(["teacher", *map(escape, languages)], rows)


def _share(value: object) -> str:
    found = number(value)
    return ABSENT if found is None else f"{100 * found:.0f} %"


def _plain(value: object) -> str:
    found = number(value)
    return ABSENT if found is None else f"{found:.2f}"


def _value(value: object) -> str:
    found = number(value)
    return ABSENT if found is None else f"{found:+.2f}"
