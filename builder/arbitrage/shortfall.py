"""Where a build fell short of what the recipe asks, named."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from arbitrage.dataset.manifest import Manifest
from arbitrage.derived import is_derived
from arbitrage.recipe.model import Recipe
from arbitrage.routers.fixed import said
from arbitrage.store.store import Store
from arbitrage.teachers.failure import ADVICE, Kind
from arbitrage.translation.translating import Counts


@dataclass(frozen=True, slots=True)
class Shortfall:
    """One way in which something lacks; `serious` when it lacks more than the recipe tolerates."""

    message: str
    serious: bool


def untranslated(recipe: Recipe, translated: Mapping[str, Counts]) -> list[Shortfall]:
    """Name every language whose prompts are not all translated."""
    found = []
    for language, counts in translated.items():
        lacking = sum(counts.dropped.values())
        if lacking:
            whole = lacking + counts.train + counts.test
            reasons = ", ".join(f"{why}: {count}" for why, count in sorted(counts.dropped.items()))
            message = f"translation into {language}: {lacking} of {whole} prompts have none ({reasons})"
            found.append(Shortfall(f"{message}; run.log names them", lacking > recipe.tolerate * whole))
    return found


def shortfalls(
    store: Store,
    recipe: Recipe,
    build: int,
    manifest: Manifest | None = None,
    translated: Mapping[str, Counts] | None = None,
) -> list[Shortfall]:
    """Name every teacher with asks that this build could not answer, and every arm with prompts without a row.

    Languages into which not all was translated are named first.
    """
    found = untranslated(recipe, translated or {})
    totals = dict(store.connection.execute("SELECT teacher, count(*) FROM ask GROUP BY teacher"))
    rows = store.connection.execute(
        "SELECT f.teacher, f.kind, count(*), min(f.message) FROM failure f JOIN prompt p ON p.id = f.prompt_id "
        "JOIN ask a ON a.teacher = f.teacher AND a.prompt = p.n AND a.draw = f.draw "
        "LEFT JOIN completion c ON c.id = a.completion_id "
        "WHERE f.build = ? AND c.id IS NULL GROUP BY 1, 2 ORDER BY 1, 2",
        (build,),
    ).fetchall()
    missing: dict[str, int] = {}
    # What is made from other answers lacks where those do, and its arm says how much.
    rows = [row for row in rows if not is_derived(row[0])]
    for teacher, _, count, _ in rows:
        missing[teacher] = missing.get(teacher, 0) + count
    for teacher, kind, count, example in rows:
        found.append(
            Shortfall(
                f"teacher {teacher}: {count} of {totals[teacher]} asks have no answer ({kind}): {example}; "
                f"{ADVICE[Kind(kind)]}",
                kind == Kind.BUDGET or missing[teacher] > recipe.tolerate * totals[teacher],
            )
        )
    for sentence in _languages_without_expert(manifest) if manifest else ():
        found.append(Shortfall(sentence, serious=True))
    for name, arm in manifest.arms.items() if manifest else ():
        asked = sum(sum(splits.values()) for splits in arm.asked.values())
        lacking = sum(arm.without_row.values())
        if lacking:
            reasons = ", ".join(f"{why}: {count}" for why, count in sorted(arm.without_row.items()))
            serious = lacking > recipe.tolerate * asked
            found.append(Shortfall(f"arm {name}: {lacking} of {asked} prompts have no row ({reasons})", serious))
    return found


def _languages_without_expert(manifest: Manifest) -> Iterator[str]:
    for arm, learned in (manifest.pilot.learned if manifest.pilot else {}).items():
        if manifest.arms[arm].router == "fixed":
            yield from (f"arm {arm}: {said(lang, expert)}" for lang, expert in learned.items() if not expert["teacher"])
