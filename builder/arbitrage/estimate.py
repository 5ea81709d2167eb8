"""What a build would ask, before it asks: requests exactly, tokens, money and disk as ceilings."""

import math
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from arbitrage.ahead import BYTES_PER_TOKEN, rewards_ahead, translator_ahead
from arbitrage.derived import author, derived_names, is_derived
from arbitrage.licensing import licenses_as_dict
from arbitrage.line import Line
from arbitrage.pilot import learn, learners, pilot_prompts, plan_pilot, read_pilot
from arbitrage.plan import asks_about, plan
from arbitrage.routers import Router
from arbitrage.spend import usd
from arbitrage.teachers.identity import UNVERIFIED
from arbitrage.teachers.purse import paid
from arbitrage.translation.checks import LONGEST, SLACK, extent
from arbitrage.writing import contamination

BYTES_PER_CHARACTER = 4

ASKS = """
SELECT p.language, count(*), sum(c.id IS NULL), total(CASE WHEN c.id IS NULL THEN length(CAST(p.messages AS BLOB)) END)
FROM ask a JOIN prompt p ON p.n = a.prompt LEFT JOIN completion c ON c.id = a.completion_id
WHERE a.teacher = ? GROUP BY 1
"""


def estimate(line: Line) -> dict[str, Any]:
    """Plan the first round and return what it would take; a router that asks in rounds may ask more later.

    Input tokens are at most the bytes of the prompt (every tokenizer in use has at least a byte a token) plus
    64 for a chat template; output tokens at most `max_tokens`. What is not translated yet is planned as if every
    translation succeeded, each as long as one may be.
    """
    waiting = _learn_from_store(line)
    routers = {arm: router for arm, router in line.routers.items() if arm not in waiting}
    plan(line.store, line.pool, routers, line.reader, line.last)
    if line.answer_translating is not None:
        line.answer_translating.settle(line.number)
    teachers = {}
    output_total = 0
    to_come = _to_come(line, routers)
    for teacher in line.pool.teachers:
        asks = todo = prompt_bytes = 0
        for language, count, missing, size in line.store.connection.execute(ASKS, (teacher.name,)):
            asks, todo = asks + count, todo + missing
            system = len(teacher.config.system.get(language, "").encode("utf-8"))
            prompt_bytes += int(size) + missing * (system + 64)
        if teacher.name in to_come:
            count, size = to_come[teacher.name]
            asks, todo, prompt_bytes = asks + count, todo + count, prompt_bytes + size
        output = todo * teacher.most_tokens
        output_total += output
        teachers[teacher.name] = {
            "model": teacher.config.model,
            "revision": teacher.revision or UNVERIFIED,
            "license": teacher.config.license,
            "answers": not teacher.is_down,
            "trouble": None if not teacher.is_down else f"{teacher.trouble.kind}: {teacher.trouble.message}",
            "embedded": _embedded(line, teacher.name),
            "asks": asks,
            "stored": asks - todo,
            "requests": todo,
            "input_tokens_at_most": prompt_bytes,
            "output_tokens_at_most": output,
            "usd_at_most": usd(teacher.config.price, prompt_bytes, output),
        }
    derived = _derived(line, to_come)
    output_total += sum(one["output_tokens_at_most"] for one in derived.values())
    sources = [
        {"path": source.path, "license": source.license, **asdict(counts)}
        for source, counts in zip(line.recipe.prompts, line.ingested.sources, strict=True)
    ]
    return {
        "name": line.recipe.name,
        "license": line.recipe.license,
        "licenses": licenses_as_dict(line.recipe),
        "prompts": line.last,
        "sources": sources,
        "translation": _translation(line, routers),
        "rewards": rewards_ahead(line, {**teachers, **derived}),
        "contamination": contamination(line),
        "teachers": teachers,
        "learns": waiting,
        "languages_unchecked": _unchecked(line),
        "max_usd": line.recipe.max_usd,
        "spent_usd": paid(line.store, line.recipe),
        "disk_bytes_at_most": output_total * BYTES_PER_TOKEN * 2,
        "disk_bytes_free": shutil.disk_usage(line.run.folder).free,
    }


def _derived(line: Line, to_come: Mapping[str, tuple[int, int]]) -> dict[str, dict[str, int]]:
    """Return by name how many answers would be made from others, with the most tokens of their prompts and of them."""
    found = {}
    most = {teacher.name: teacher.most_tokens for teacher in line.pool.teachers}
    for name in derived_names(line.recipe):
        count, size = to_come.get(name, (0, 0))
        for _, _, missing, bytes_of in line.store.connection.execute(ASKS, (name,)):
            count, size = count + missing, size + int(bytes_of) + 64 * missing
        output = count * math.ceil(LONGEST * most[author(name)] + SLACK)
        found[name] = {"requests": count, "input_tokens_at_most": size, "output_tokens_at_most": output}
    return found


def _embedded(line: Line, teacher: str) -> dict[str, Any] | None:
    found = line.files.get(teacher)
    if found is None:
        return None
    return {"file": found.shown, "bytes": found.size, "here": found.path is not None}


def _learn_from_store(line: Line) -> list[str]:
    """Plan the pilot, and learn from it where it is stored; return the arms that cannot be planned before it is."""
    by_arm = learners(line.routers)
    if not by_arm:
        return []
    prompts = pilot_prompts(line.store, line.recipe, line.last)
    plan_pilot(line.store, line.pool, line.recipe, prompts)
    whole = line.translating is None or line.translating.done
    answered = read_pilot(line.reader, line.recipe, prompts) if whole else None
    if answered is None:
        return list(by_arm)
    learn(line.recipe, line.routers, answered)
    return []


def _to_come(line: Line, routers: Mapping[str, Router]) -> dict[str, tuple[int, int]]:
    """Return what each teacher would be asked about translations that are not there: asks, and bytes at most."""
    found: dict[str, tuple[int, int]] = {}
    if line.translating is None or line.translating.done:
        return found
    teachers = {teacher.name: teacher for teacher in line.pool.teachers}
    for prompt, name in asks_about(line.translating.stand_ins(line.last), routers):
        count, size = found.get(name, (0, 0))
        system = teachers[name].config.system.get(prompt.language, "") if name in teachers else ""
        text = "".join(turn["content"] for turn in prompt.messages)
        most = BYTES_PER_CHARACTER * math.ceil(LONGEST * extent(text) + SLACK)
        found[name] = count + 1, size + most + len(system.encode("utf-8")) + 64
    return found


def _translation(line: Line, routers: Mapping[str, Router]) -> dict[str, Any] | None:
    """Return who translates, how many texts lack a translation, and how many prompts and answers are to come."""
    translating = line.translating
    if translating is None:
        return None
    missing = {} if translating.done else translating.missing(line.last)
    answers_to_come = _answers_to_come(line, routers)
    ahead = translator_ahead(line)
    if answers_to_come:
        # How long they will be, nobody knows.
        ahead["usd_at_most"] = None
    return {
        **translating.by,
        **ahead,
        "answers": translating.trouble is None,
        "trouble": translating.trouble,
        "missing_texts": {language: missing.get(language, 0) for language in translating.targets},
        "prompts_to_come": 0 if translating.done else sum(1 for _ in translating.stand_ins(line.last)),
        "answers_to_come": answers_to_come,
    }


def _answers_to_come(line: Line, routers: Mapping[str, Router]) -> dict[str, int]:
    """Return by language how many answers arms want translated that are not yet, were every one of them usable."""
    found = Counter[str]()
    for name in derived_names(line.recipe):
        asks = line.store.connection.execute(ASKS, (name,))
        found.update({language: missing for language, _, missing, _ in asks})
    if line.translating is not None and not line.translating.done:
        about = asks_about(line.translating.stand_ins(line.last), routers)
        found.update(prompt.language for prompt, name in about if is_derived(name))
    return {language: found[language] for language in line.recipe.languages if found[language]}


def _unchecked(line: Line) -> list[str]:
    """Return the languages that the language check cannot tell; none where the recipe has no such check."""
    check = line.language_check
    return [] if check is None else [language for language in line.recipe.languages if not check.tells(language)]
