"""Which prompts were translated, by whom, and how many could not be."""

from collections.abc import Mapping
from typing import Any

from arbitrage_cards.arms import author
from arbitrage_cards.escape import escape
from arbitrage_cards.tables import count, listed, table

_DROPPED = (
    "A prompt whose translation failed is not in the dataset in that language: `untranslated` is nearly the source, "
    "`length` is out of proportion to it, `language` is not in the language's script, `numbers` lacks some of it, "
    "`duplicate` is another prompt's, `nothing_to_translate` is code or addresses alone; the rest is what the "
    "translator could not do."
)

_REMOVED = (
    "Of what was dropped, `near_duplicate` says nearly what another prompt in the language says, and `contaminated` "
    "holds an item of an evaluation set in this or another translation."
)


def translation_lines(manifest: Mapping[str, Any]) -> list[str]:
    """Return what a dataset's prompts section says of translation; nothing where nothing was translated."""
    found = manifest.get("translation")
    languages = _languages(found)
    if not isinstance(found, Mapping) or not languages:
        return []
    rows = [
        [
            escape(language),
            count(_number(counts, "train")),
            count(_number(counts, "test")),
            listed({escape(why): number for why, number in (_dropped(counts) | _removed(counts)).items()}),
        ]
        for language, counts in languages.items()
    ]
    who = f"{escape(found.get('model'))} (revision {escape(str(found.get('revision'))[:12])})"
    lines = [
        "",
        f"Where a source lacked a language, its prompt was translated from {escape(found.get('from'))} by {who}. The "
        "column `translation` says so on each of these rows and is null for originals.",
        "",
        table(["language", "translated train prompts", "translated test prompts", "dropped"], rows),
    ]
    brought = sum(_number(counts, "imported") or 0 for counts in languages.values())
    if brought:
        lines += ["", f"Of the translated prompts, {count(brought)} are those that an import brought from a dataset."]
    if any(_removed(counts) for counts in languages.values()):
        lines += ["", _REMOVED]
    return [*lines, "", _DROPPED] if any(_dropped(counts) for counts in languages.values()) else lines


def translated_answers(manifest: Mapping[str, Any]) -> list[str]:
    """Return who wrote the answers that were translated; nothing where none was."""
    names = sorted(name for name in manifest["pool"]["teachers"] if author(name) != name)
    if not names:
        return []
    return [
        "",
        f"Answers under {', '.join(map(escape, names))} are machine translations by {_who(manifest)}: what the teacher "
        "answered to the prompt of the same source in the language that is translated from, which the column `parents` "
        "of `pool` names as `prompt_id/teacher/draw`. Model and revision are the teacher's, the words are the "
        "translator's. An answer that could not be translated has an `error` that begins with `translation_`, one "
        "whose source has no prompt in that language `no_original`. They are in no pair of `preferences`.",
    ]


def translation_limit(manifest: Mapping[str, Any]) -> list[str]:
    """Return what has to be kept in mind where test prompts, or answers, are translations."""
    languages = _languages(manifest.get("translation"))
    named = [escape(language) for language, counts in languages.items() if _number(counts, "test")]
    found = []
    if named:
        found.append(
            f"- Test prompts in {', '.join(named)} are machine translations by the same model as the train prompts: a "
            "student is in part rewarded there for taking that model's language."
        )
    arms = [f"`{name}`" for name, arm in sorted(manifest["arms"].items()) if arm["router"] == "translation"]
    if arms:
        prompts = ", which made prompts of this dataset too" if any(map(_made, languages.values())) else ""
        found.append(
            f"- Answers of {', '.join(arms)} are machine translations by {_who(manifest)}{prompts}, but for those in "
            "the language that is translated from: what is measured there is that model's language as well as the "
            "teacher's answers."
        )
    return found


def _who(manifest: Mapping[str, Any]) -> str:
    found = manifest.get("translation")
    model = found.get("model") if isinstance(found, Mapping) else None
    return escape(model) if model else "the translator of the recipe"


def _made(counts: Mapping[str, Any]) -> bool:
    return bool(_number(counts, "train") or _number(counts, "test"))


def _languages(found: Any) -> dict[str, Mapping[str, Any]]:
    languages = found.get("languages") if isinstance(found, Mapping) else None
    if not isinstance(languages, Mapping):
        return {}
    return {str(name): counts for name, counts in languages.items() if isinstance(counts, Mapping)}


def _removed(counts: Mapping[str, Any]) -> dict[str, int]:
    return _dropped(counts, "removed")


def _dropped(counts: Mapping[str, Any], key: str = "dropped") -> dict[str, int]:
    dropped = counts.get(key)
    found = dropped.items() if isinstance(dropped, Mapping) else ()
    return {str(why): number for why, number in found if isinstance(number, int)}


def _number(counts: Mapping[str, Any], key: str) -> int | None:
    value = counts.get(key)
    return value if isinstance(value, int) else None
