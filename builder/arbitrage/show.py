"""One prompt with all its answers, rewards, checks and each arm's choice, side by side."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from arbitrage.answers import Reader
from arbitrage.errors import StoreError
from arbitrage.plan import routed_so_far
from arbitrage.records import Answer, Routed
from arbitrage.rewards.reward import AnyReward
from arbitrage.rewards.served import ServedReward
from arbitrage.routers import Router
from arbitrage.store.scores import verdicts
from arbitrage.store.store import Store
from arbitrage.terminal import safe

Verdicts = Mapping[tuple[str, int], Mapping[str, str]]
"""What judges wrote, by (teacher, draw) and reward."""


def find(store: Store, routers: Mapping[str, Router], reader: Reader, prompt_id: str | None) -> Routed:
    """Return a prompt as it is routed by the answers there are; without an id, the first in hash order.

    Raises:
        StoreError: there is no such prompt, or several begin so.
    """
    first = next((page[0] for page in store.prompts(1)), None)
    if first is None:
        raise StoreError("the run has no prompts yet: run `arbitrage build` first")
    found = [first] if prompt_id is None else store.prompts_beginning(prompt_id)
    if len(found) != 1:
        several = "more than one prompt begins" if found else "no prompt begins"
        raise StoreError(f"{several} with {prompt_id!r}; ids are in the column prompt_id of the dataset")
    item = found[0]
    return routed_so_far(item, routers, reader.read([item])[item.n])


def judged(store: Store, rewards: Sequence[AnyReward], item: Routed) -> Verdicts:
    """Return what judges wrote of each answer, by reward."""
    names = {reward.score_key: reward.name for reward in rewards if isinstance(reward, ServedReward)}
    found: dict[tuple[str, int], dict[str, str]] = {}
    for teacher, draw, key, text in verdicts(store, item.prompt.id, list(names)):
        found.setdefault((teacher, draw), {})[names[key]] = text
    return found


def as_dict(item: Routed, said: Verdicts) -> dict[str, Any]:
    """Return what is shown as JSON-able data."""
    verdicts = [{"teacher": key[0], "draw": key[1], "verdicts": texts} for key, texts in said.items()]
    return {**asdict(item), **({"verdicts": verdicts} if verdicts else {})}


def render(item: Routed, said: Verdicts) -> RenderableType:
    """Return what is shown on a terminal; prompts and answers appear as text, never as markup."""
    prompt = item.prompt
    head = Table.grid(padding=(0, 2))
    for name in ("id", "language", "source_id", "split"):
        head.add_row(name, Text(safe(str(getattr(prompt, name)))))
    turns = [Text.assemble((f"{turn['role']}: ", "bold"), safe(turn["content"])) for turn in prompt.messages]
    return Group(head, Panel(Group(*turns), title="prompt"), *_answers(item, said), _routes(item))


def _answers(item: Routed, said: Verdicts) -> Iterator[Panel]:
    won = {(route.chosen, route.arm) for route in item.routes}
    for answer in item.answers:
        arms = [arm for chosen, arm in won if chosen == (answer.teacher, answer.draw)]
        title = Text(f"{answer.teacher}  reward {_number(answer.reward)}")
        if answer.checks:
            title.append(f"  flagged: {', '.join(answer.checks)}", style="yellow")
        if arms:
            title.append(f"  chosen by {', '.join(sorted(arms))}", style="green")
        yield Panel(_body(answer, said.get((answer.teacher, answer.draw), {})), title=title, title_align="left")


def _body(answer: Answer, verdicts: Mapping[str, str]) -> RenderableType:
    if answer.error:
        source = f", translated from {', '.join(answer.parents)}" if answer.parents else ""
        return Text(safe(f"no answer: {answer.error}{source}"), style="red")
    parts = [Text(safe(answer.completion or ""))]
    if answer.reasoning:
        parts.insert(0, Text(safe(answer.reasoning), style="dim"))
    scores = ", ".join(f"{name} {_number(score)}" for name, score in answer.rewards)
    facts = f"{answer.model} @ {answer.revision}, {answer.finish_reason}, {answer.completion_tokens} tokens {scores}"
    parts += [Text(f"{name} says: {safe(text)}", style="italic") for name, text in verdicts.items()]
    if answer.parents is not None:
        facts = f"translated from {', '.join(answer.parents)}; {facts}"
    return Group(*parts, Text(safe(facts), style="dim"))


def _routes(item: Routed) -> Table:
    table = Table("arm", "asked", "chosen", "why", box=None)
    for route in item.routes:
        asked = ", ".join(ask.teacher for ask in route.asked)
        table.add_row(route.arm, Text(asked), Text(route.chosen[0] if route.chosen else "-"), Text(safe(route.why)))
    return table


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"
