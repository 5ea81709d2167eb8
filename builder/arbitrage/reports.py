"""How reports look on a terminal; the same data goes out as JSON with `--json`."""

from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from arbitrage.dataset.report import Problem
from arbitrage.derived import is_derived
from arbitrage.spend import TRANSLATOR, reward_account
from arbitrage.terminal import safe
from arbitrage.writing import Built

ALWAYS = {
    "read": "read",
    "unreadable": "unreadable",
    "other_language": "other",
    "duplicates": "duplicates",
    "not_sampled": "not sampled",
    "kept": "kept",
}
"""Fates of prompts that are always shown, and how they are called; the others are where there are any."""


def print_estimate(console: Console, plan: dict[str, Any]) -> None:
    """Print what a build would ask."""
    fates = "read,unreadable,other_language,duplicates,not_sampled,near_duplicates,contaminated,kept".split(",")
    fates = [fate for fate in fates if fate in ALWAYS or any(source[fate] for source in plan["sources"])]
    prompts = _table("prompts from", *(ALWAYS.get(fate, fate.replace("_", "-")) for fate in fates))
    for source in plan["sources"]:
        prompts.add_row(escape(source["path"]), *(str(source[fate]) for fate in fates))
    teachers = _table("teacher", "model", "revision", "stored", "requests", "tokens at most", "USD at most")
    for name, teacher in plan["teachers"].items():
        tokens = teacher["input_tokens_at_most"] + teacher["output_tokens_at_most"]
        cost = teacher["usd_at_most"]
        teachers.add_row(
            escape(name),
            escape(teacher["model"]),
            escape(teacher["revision"][:12]),
            str(teacher["stored"]),
            str(teacher["requests"]),
            f"{tokens:,}",
            "-" if cost is None else f"{cost:,.2f}",
        )
    console.print(prompts)
    _print_contamination(console, plan["contamination"])
    console.print(teachers)
    for name, teacher in plan["teachers"].items():
        if not teacher["answers"]:
            console.print(f"teacher {escape(name)} does not answer: {escape(teacher['trouble'])}", highlight=False)
    for name, teacher in plan["teachers"].items():
        if own := teacher["embedded"]:
            where = "" if own["here"] else "; it comes from the Hub when it is asked first"
            line = f"{own['file']} ({own['bytes'] / 1e9:,.2f} GB{where})"
            console.print(f"teacher {escape(name)} is served by the run itself: {escape(line)}", highlight=False)
    if translation := plan["translation"]:
        _print_translation(console, translation)
    _print_others(console, plan)
    if plan["languages_unchecked"]:
        names = ", ".join(plan["languages_unchecked"])
        console.print(
            f"the language check cannot tell {names}: answers stay unchecked unless language_check: names a function",
            highlight=False,
            soft_wrap=True,
        )
    requests = sum(teacher["requests"] for teacher in plan["teachers"].values())
    disk, free = plan["disk_bytes_at_most"] / 1e9, plan["disk_bytes_free"] / 1e9
    if plan["learns"]:
        line = f"arms that ask more once they have learned from the pilot: {', '.join(map(escape, plan['learns']))}"
        console.print(line, highlight=False, soft_wrap=True)
    console.print(f"{plan['prompts']} prompts, {requests} requests, at most {disk:.1f} GB of disk ({free:.1f} GB free)")
    _print_money(console, plan)
    _print_licenses(console, plan["licenses"])


def _print_translation(console: Console, translation: dict[str, Any]) -> None:
    lacking = ", ".join(f"{language}: {count}" for language, count in translation["missing_texts"].items())
    who = f"{translation['model']} at {translation['revision'][:12]}"
    line = f"translated by {who}; texts without a translation: {lacking}"
    if translation["answers_to_come"]:
        answers = ", ".join(f"{language}: {count}" for language, count in translation["answers_to_come"].items())
        line += f"; answers without a translation, at most: {answers}"
    if translation["prompts_to_come"]:
        line += f"; the plan counts {translation['prompts_to_come']} translated prompts that may come of them"
    console.print(escape(line), highlight=False, soft_wrap=True)
    if not translation["answers"]:
        console.print(escape(f"the translator does not answer: {translation['trouble']}"), highlight=False)


def _others(plan: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what those would be asked who are paid beside the teachers, by how they are called."""
    translation = plan["translation"]
    found = {TRANSLATOR: translation} if translation and translation["requests"] is not None else {}
    return {**found, **{reward_account(name): reward for name, reward in plan["rewards"].items()}}


def _print_others(console: Console, plan: dict[str, Any]) -> None:
    others = _others(plan)
    if not others:
        return
    table = _table("asked beside them", "model", "requests", "tokens at most", "USD at most")
    for name, one in others.items():
        tokens, cost = one["input_tokens_at_most"] + one["output_tokens_at_most"], one["usd_at_most"]
        who = [escape(name), escape(one["model"])]
        table.add_row(*who, str(one["requests"]), f"{tokens:,}", "-" if cost is None else f"{cost:,.2f}")
    console.print(table)
    for name, one in others.items():
        if name != TRANSLATOR and not one["answers"]:
            console.print(f"{escape(name)} does not answer: {escape(one['trouble'])}", highlight=False)


def _print_contamination(console: Console, found: dict[str, Any] | None) -> None:
    if found is None:
        return
    for name, counts in found["sets"].items():
        held = ", ".join(f"{language} {n}" for language, n in sorted(counts["prompts"].items()))
        what = "removed" if found["action"] == "remove" else "kept"
        said = f"{held}: {what}" if held else "none"
        looked = f"{counts['items']} items, {counts['too_short']} too short to look for"
        console.print(
            f"evaluation set {escape(name)} ({looked}): prompts that hold one: {said}",
            highlight=False,
            soft_wrap=True,
        )


def _print_money(console: Console, plan: dict[str, Any]) -> None:
    most = plan["max_usd"]
    if most is None:
        return
    everybody = {**plan["teachers"], **_others(plan)}
    costs = {
        name: one["usd_at_most"] for name, one in everybody.items() if one["requests"] or one.get("answers_to_come")
    }
    whole = plan["spent_usd"] + sum(cost or 0.0 for cost in costs.values())
    line = f"${plan['spent_usd']:,.2f} is spent of max_usd ${most:,.2f}; with the requests it is ${whole:,.2f} at most"
    console.print(line + (": the build may stop before it is done" if whole > most else ""), highlight=False)
    if unpriced := [escape(name) for name, cost in costs.items() if cost is None]:
        console.print(f"not known beforehand: what {', '.join(unpriced)} cost", highlight=False, soft_wrap=True)


def _print_licenses(console: Console, licenses: dict[str, Any]) -> None:
    table = Table("license of", "license", "asks for", "duty", box=None, pad_edge=False)
    for part in licenses["sources"]:
        asks = ", ".join(f"{word} (not the dataset's)" if word in part["lacks"] else word for word in part["asks"])
        known = part["comparable"]
        stated = escape(part["license"] or "not stated")
        table.add_row(escape(part["what"]), stated, asks or ("nothing" if known else "?"), part["duty"] or "")
    console.print(table)
    console.print(f"the dataset's license is {escape(licenses['dataset'])}", highlight=False)
    apart = [escape(part["what"]) for part in licenses["sources"] if not part["comparable"]]
    if apart:
        console.print(f"not compared with it: {', '.join(apart)}", highlight=False, soft_wrap=True)
    if licenses["override"]:
        reason = escape(licenses["override"])
        console.print(f"it may be looser than its sources: {reason}", highlight=False, soft_wrap=True)


def built_as_dict(built: Built) -> dict[str, Any]:
    """Return what a build came to as JSON-able data."""
    return {
        "dataset": None if built.dataset is None else str(built.dataset),
        "rows": built.rows,
        "shortfalls": [asdict(short) for short in built.shortfalls],
        "contamination": built.contamination,
    }


def print_built(console: Console, built: dict[str, Any]) -> None:
    """Print what a build came to."""
    for short in built["shortfalls"]:
        mark = "fell short" if short["serious"] else "note"
        console.print(f"{mark}: {escape(short['message'])}", highlight=False, soft_wrap=True)
    _print_contamination(console, built["contamination"])
    for arm, rows in built["rows"].items():
        console.print(f"arm {escape(arm)}: {rows} rows", highlight=False)
    if built["dataset"]:
        console.print(f"dataset: {escape(built['dataset'])}", highlight=False, soft_wrap=True)


def print_imported(console: Console, found: dict[str, Any]) -> None:
    """Print what became of the rows of an import."""
    table = _table("from", "read", "imported", "stored before", "other model or settings", "not text", "unreadable")
    numbers = [found[key] for key in ("read", "imported", "stored", "other", "not_text", "unreadable")]
    table.add_row(escape(found["source"]), *map(str, numbers))
    console.print(table)
    usable = found["imported"] + found["stored"]
    console.print(f"{found['asked']} of {usable} answer prompts of the recipe", highlight=False)
    if found["translations"]:
        console.print(f"{found['translations']} translated texts imported", highlight=False)
    if found["unreadable"]:
        console.print("run.log names every unreadable row", highlight=False)


def print_status(console: Console, state: dict[str, Any]) -> None:
    """Print how far a run is."""
    table = _table("teacher", "language", "asks", "answered", "final errors", "failed", "pending")
    for name, teacher in state["teachers"].items():
        for language, counts in teacher["languages"].items():
            keys = ("asks", "answered", "final_errors", "failed", "pending")
            table.add_row(escape(name), language, *(str(counts[key]) for key in keys))
    console.print(table)
    spend = _table("paid", "prompt tokens", "completion tokens", "spend")
    others = {TRANSLATOR: state["translator"]} if state["translator"] else {}
    others |= {reward_account(name): reward for name, reward in state["rewards"].items()}
    for name, one in {**state["teachers"], **others}.items():
        if is_derived(name):
            continue
        cost = one["spend_usd"]
        spend.add_row(
            escape(name),
            *("-" if one[key] is None else f"{one[key]:,}" for key in ("prompt_tokens", "completion_tokens")),
            "-" if cost is None else f"${cost:,.4f}",
        )
    console.print(spend)
    for name, one in {**state["teachers"], **others}.items():
        if uncounted := one["answers_without_token_counts"]:
            line = f"{name}: the server did not count the tokens of {uncounted} answers, so what they cost is not known"
            console.print(escape(line), highlight=False, soft_wrap=True)
    for sentence in state["learned"]:
        console.print(escape(safe(sentence)), highlight=False, soft_wrap=True)
    if state["max_usd"] is not None:
        console.print(f"${state['spent_usd']:,.4f} is spent of max_usd ${state['max_usd']:,.2f}", highlight=False)
    for failure in state["failures"]:
        console.print(
            escape(f"{failure['teacher']}: {failure['count']} x {failure['kind']}, e.g. {failure['example']}"),
            highlight=False,
            soft_wrap=True,
        )


def print_published(console: Console, published: dict[str, Any]) -> None:
    """Print what was published, or would be."""
    name = f"{published['repo_id']}@{published['tag']}"
    if published["already_there"]:
        console.print(f"{escape(name)} holds this already: nothing to publish", highlight=False)
        return
    since = f" since {published['previous']}" if published["previous"] else ": the first version"
    console.print(f"changes{since}", highlight=False)
    lines = list(published["changes"])
    for table, counts in (published["rows"] or {}).items():
        lines.append(f"{table}: {', '.join(f'{n:,} rows {what}' for what, n in counts.items())}")
    dry_run = published["commit"] is None
    if dry_run:
        lines += [f"upload {path} ({size:,} bytes)" for path, size in published["upload"].items()]
        lines += [f"delete {path}" for path in published["delete"]]
        lines += published["card"]
    for line in lines:
        console.print(f"  {escape(safe(line))}", highlight=False, soft_wrap=True)
    uploaded, size = len(published["upload"]), sum(published["upload"].values())
    console.print(
        f"{'would upload' if dry_run else 'uploaded'} {uploaded} files ({size / 1e6:,.1f} MB), "
        f"{published['unchanged']} are there as they are, {len(published['delete'])} deleted",
        highlight=False,
    )
    visibility = "private" if published["private"] else "public"
    console.print(f"{'would publish' if dry_run else 'published'} {escape(name)} ({visibility})", highlight=False)


def print_reproduced(console: Console, report: dict[str, Any]) -> None:
    """Print whether a dataset folder is what its manifest says."""
    problems = [str(Problem(**problem)) for problem in report["problems"]]
    problems += [f"{path}: and {count} more" for path, count in report["unshown"].items()]
    for line in [*report["notes"], *problems]:
        console.print(escape(line), highlight=False, soft_wrap=True)
    words = ("files", "rows", "prompts", "answers", "decided again")
    looked_at = ", ".join(f"{report['counts'].get(word, 0):,} {word}" for word in words)
    console.print(f"{'the same' if report['same'] else 'NOT the same'} ({looked_at})", highlight=False)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for n, column in enumerate(columns):
        table.add_column(column, justify="left" if n < 2 else "right")
    return table
