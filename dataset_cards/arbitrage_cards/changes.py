"""What changed from one version of a dataset to the next."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from arbitrage_cards.arms import author
from arbitrage_cards.escape import plain
from arbitrage_cards.tables import count

MOST = 40
"""Sentences that are told; the rest is counted."""
NAMED = 12
"""Names that one sentence lists."""
_SETTINGS = {"seed": "The seed", "test": "The share of sources held out for test", "checks": "The checks"}


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return what changed between two manifests, as plain sentences without any markup; none when nothing did."""
    found = [
        sentence for part in (_names, _rows, _licence, _recipe, _translation, _teachers) for sentence in part(old, new)
    ]
    if len(found) > MOST:
        found = [*found[:MOST], f"{count(len(found) - MOST)} more changes."]
    return found


def _names(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for what, keys in (("language", ("languages",)), ("teacher", ("pool", "teachers")), ("arm", ("arms",))):
        before, after = ([name for name in _at(x, *keys) or () if author(name) == name] for x in (old, new))
        yield from _difference(what, before, after)
    before, after = ([name for name in _at(x, "configs") or () if name in (_at(x, "arms") or ())] for x in (old, new))
    kept = set(_at(old, "arms") or ()) & set(_at(new, "arms") or ())
    for name in sorted(kept & (set(before) ^ set(after))):
        yield f"Arm {plain(name)} is {'now' if name in after else 'no longer'} published."
    if _at(old, "default_config") != _at(new, "default_config"):
        yield _became("The default config", _at(old, "default_config"), _at(new, "default_config"))


def _difference(what: str, before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    for verb, names in (("New", set(after) - set(before)), ("Removed", set(before) - set(after))):
        if names:
            shown = ", ".join(plain(name, 60) for name in sorted(names)[:NAMED])
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            yield f"{verb} {what}{'s' if len(names) > 1 else ''}: {shown}{more}."


def _rows(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    before, after = (_total(_at(x, "pool", "prompts")) for x in (old, new))
    if before != after:
        yield f"Prompts: {count(before)} before, {count(after)} now."
    tables = {name for x in (old, new) for name in (*(_at(x, "arms") or ()), "pool", "routes", "preferences")}
    for name in sorted(tables):
        files = [_files(x, name) for x in (old, new)]
        before, after = (sum(rows for rows, _ in found.values()) for found in files)
        if not (files[0] and files[1]):
            continue
        if before != after:
            yield f"Rows of {plain(name)}: {count(before)} before, {count(after)} now."
        elif files[0] != files[1]:
            yield f"Rows of {plain(name)}: {count(after)} as before, some of them with other content."


def _files(manifest: Mapping[str, Any], table: str) -> dict[str, tuple[int, Any]]:
    files = _at(manifest, "files") or {}
    return {path: (file["rows"], file["rows_sha256"]) for path, file in files.items() if path.startswith(f"{table}/")}


def _licence(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    if _at(old, "license") != _at(new, "license"):
        yield _became("The licence", _at(old, "license"), _at(new, "license"))
    if _at(old, "recipe", "license_override") != _at(new, "recipe", "license_override"):
        yield "The stated reason for a licence looser than its sources' changed."


def _recipe(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    before, after = (_at(x, "recipe") or {} for x in (old, new))
    if before.get("route_by") != after.get("route_by"):
        yield _became("The reward that routes", before.get("route_by"), after.get("route_by"))
    yield from _parts("reward", before, after, "rewards")
    yield from _parts("arm", before, after, "arms")
    for key, what in _SETTINGS.items():
        if before.get(key) != after.get(key):
            yield _became(what, before.get(key), after.get(key))
    yield from _keys("Sampling", before.get("sampling") or {}, after.get("sampling") or {})
    sources = [[source.get("path", "?") for source in x.get("prompts", [])] for x in (before, after)]
    yield from _difference("prompt source", *sources)
    if set(sources[0]) == set(sources[1]) and before.get("prompts") != after.get("prompts"):
        yield "Prompt sources are read at another revision or with other settings."


def _translation(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    before, after = (_at(x, "recipe", "translate") for x in (old, new))
    if before == after:
        return
    if not before or not after:
        yield f"Prompts are {'now' if after else 'no longer'} translated where a source lacks a language."
    else:
        yield "Prompts are translated by another model, at another revision or with other settings."


def _parts(what: str, old: Mapping[str, Any], new: Mapping[str, Any], key: str) -> Iterator[str]:
    before, after = old.get(key) or {}, new.get(key) or {}
    if key != "arms":
        yield from _difference(what, list(before), list(after))
    for name in sorted(set(before) & set(after)):
        if before[name] != after[name]:
            yield f"The settings of {what} {plain(name, 60)} changed."


def _teachers(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    before, after = (_at(x, "pool", "teachers") or {} for x in (old, new))
    for name in sorted(set(before) & set(after)):
        if author(name) != name:
            continue
        served = [{(found["model"], found["revision"]) for found in x[name]["served"]} for x in (before, after)]
        if served[0] != served[1]:
            yield f"Teacher {plain(name, 60)} answered with another model or revision."
        stated = [_at(x, "recipe", "teachers", name) or {} for x in (old, new)]
        if stated[0].get("license") != stated[1].get("license"):
            what = f"The licence of teacher {plain(name, 60)}"
            yield _became(what, stated[0].get("license"), stated[1].get("license"))
        for key, what in (("system", "system prompts"), ("sampling", "sampling"), ("extra", "extra settings")):
            if (stated[0].get(key) or {}) != (stated[1].get(key) or {}):
                yield f"Teacher {plain(name, 60)} was given other {what}."


def _keys(what: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted(set(before) | set(after)):
        if before.get(key) != after.get(key):
            yield _became(f"{what}, {plain(key, 60)}", before.get(key), after.get(key))


def _became(what: str, before: object, after: object) -> str:
    shown = ["not stated" if value is None else plain(value, 80) for value in (before, after)]
    return f"{what}: {shown[0]} before, {shown[1]} now."


def _at(found: Any, *keys: str) -> Any:
    for key in keys:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found


def _total(nested: Any) -> int:
    return sum(sum(splits.values()) for splits in (nested or {}).values())
