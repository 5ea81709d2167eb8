"""What translators and rewards would be asked over the wire, before they are."""

from collections.abc import Mapping
from typing import Any

from arbitrage.derived import answerers
from arbitrage.line import Line
from arbitrage.records import Prompt
from arbitrage.rewards.served import ServedReward
from arbitrage.spend import usd
from arbitrage.store.scores import unscored
from arbitrage.teachers.identity import UNVERIFIED

BYTES_PER_TOKEN = 8
"""A generous guess for how many bytes of text a token stands for."""


def rewards_ahead(line: Line, teachers: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return what each served reward would be asked: the planned answers of all names that it has not scored.

    Of an answer that is not there the prompt is known, and that it has at most as many tokens as the teacher may write.
    """
    found = {}
    to_come = sum(teacher["requests"] for teacher in teachers.values())
    most = sum(
        one["input_tokens_at_most"] + BYTES_PER_TOKEN * one["output_tokens_at_most"] for one in teachers.values()
    )
    for reward in line.rewards:
        if not isinstance(reward, ServedReward):
            continue
        alone = reward.most(Prompt("", "und", "", "train", [{"role": "user", "content": ""}]), "")
        requests, read, written = to_come, to_come * alone.prompt + most, to_come * alone.completion
        for page in unscored(line.store, reward.key, answerers(line.recipe)):
            for _, prompt, text in page:
                one = reward.most(prompt, text)
                requests, read, written = requests + 1, read + one.prompt, written + one.completion
        found[reward.name] = {
            "model": reward.model,
            "revision": reward.revision or UNVERIFIED,
            "answers": not reward.is_down,
            "trouble": f"{reward.trouble.kind}: {reward.trouble.message}" if reward.is_down else None,
            "requests": requests,
            "input_tokens_at_most": read,
            "output_tokens_at_most": written,
            "usd_at_most": usd(reward.price, read, written),
        }
    return found


def translator_ahead(line: Line) -> dict[str, Any]:
    """Return what a served translator would be asked first; replies that lack something call for more.

    `requests` is None for a translator in this process.
    """
    names = ("requests", "input_tokens_at_most", "output_tokens_at_most")
    translating = line.translating
    found = translating.ahead(line.last) if translating is not None else None
    if translating is None or found is None:
        return {**dict.fromkeys(names), "usd_at_most": None}
    requests, read, written = (0 if translating.done else found[name] for name in names)
    cost = usd(translating.config.price, read, written)
    return {"requests": requests, "input_tokens_at_most": read, "output_tokens_at_most": written, "usd_at_most": cost}
