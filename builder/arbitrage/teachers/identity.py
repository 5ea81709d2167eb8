"""Who answers behind an endpoint, asked before anything is paid for."""

import re
from collections.abc import Awaitable, Mapping
from typing import NamedTuple

from arbitrage.recipe.model import Teacher
from arbitrage.teachers.endpoint import Endpoint
from arbitrage.teachers.failure import STOPS_TEACHER, Failed, Kind

UNVERIFIED = "unverified"
"""The revision of a model that neither the server nor the recipe names."""

NO_LIST = frozenset({Kind.NOT_FOUND, Kind.BAD_REQUEST, Kind.PROTOCOL})
"""How servers answer that do not list their models, though they may well serve."""
NO_INFO = NO_LIST | {Kind.SERVER, Kind.AUTH, Kind.GATED}
"""How servers and what stands before them answer to a route that they do not have."""


class Who(NamedTuple):
    """What an endpoint says of itself; None for what it does not say."""

    revision: str | None
    is_tgi: bool
    max_concurrent: int | None


async def ask_who(teacher: Teacher, endpoint: Endpoint) -> Who:
    """Ask an endpoint who it is.

    TGI says it in `/info`; others list their models in `/v1/models`, without a revision.

    Raises:
        Failed: nobody answers, the token is not taken, or another model is served (kind identity).
    """
    if teacher.api == "tgi":
        who = _read_info(teacher, await endpoint.get("/info"))
        await _try_token(endpoint.post_free("/tokenize", {"inputs": "a"}))
        return who
    try:
        check_models(teacher.served_as or teacher.model, await endpoint.get("/models"))
    except Failed as failure:
        if failure.kind not in NO_LIST:
            raise
    info = None
    try:
        info = await endpoint.get_beside("/info")
    except Failed as failure:
        if failure.kind not in NO_INFO:
            raise
    if isinstance(info, Mapping) and "model_id" in info and "max_concurrent_requests" in info:
        who = _read_info(teacher, info)
        await _try_token(endpoint.post_beside("/tokenize", {"inputs": "a"}))
        return who
    await _try_token(endpoint.post_free("/chat/completions", {}))
    return Who(None, False, None)


async def _try_token(request: Awaitable[object]) -> None:
    """Find out, where it costs nothing, whether the token is taken where completions are asked for.

    What says who an endpoint is may be open to all: TGI's `/info`, and `/v1/models` of older llama.cpp and of
    some gateways. TGI guards `/tokenize` as it does completions; others refuse a request without messages, but
    only after they have looked at the token.
    """
    try:
        await request
    except Failed as failure:
        if failure.kind in STOPS_TEACHER:
            raise


def _read_info(teacher: Teacher, info: object) -> Who:
    if not isinstance(info, Mapping) or not isinstance(info.get("model_id"), str):
        raise Failed(Kind.IDENTITY, "/info is not TGI's; is this api: openai?")
    expected = teacher.served_as or teacher.model
    if info["model_id"] not in (expected, teacher.model):
        raise Failed(Kind.IDENTITY, other_model(expected, [info["model_id"]]))
    most = info.get("max_concurrent_requests")
    revision = check_revision(info.get("model_sha"), teacher.revision)
    return Who(revision, True, most if isinstance(most, int) and most > 0 else None)


def check_revision(sha: object, pinned: str | None) -> str | None:
    """Return the revision that a server names, None where it names none.

    Raises:
        Failed: the recipe names another.
    """
    # It becomes part of identities and is published and shown: whatever is no name of a revision is none.
    revision = sha if isinstance(sha, str) and re.fullmatch(r"[\x21-\x7e]{1,100}", sha) else None
    if revision and pinned and revision != pinned:
        raise Failed(Kind.IDENTITY, f"serves revision {revision!r}, the recipe says {pinned!r}")
    return revision


def check_models(expected: str, body: object) -> None:
    """Look for a model in an answer of `/v1/models`.

    Raises:
        Failed: it lists others alone.
    """
    try:
        served = [str(model["id"]) for model in body["data"]]  # type: ignore[index]
        others = [model.get("aliases") for model in body["data"]]  # type: ignore[index]
    except (KeyError, TypeError, AttributeError, RecursionError):
        return  # no list that we could read says nothing against the endpoint
    # llama.cpp gives one of a model's names as its id and all of them beside it.
    aliases = [name for names in others if isinstance(names, list) for name in names]
    if served and expected not in served + aliases:
        raise Failed(Kind.IDENTITY, other_model(expected, served))


def other_model(expected: str, served: list[str]) -> str:
    """Say what is served instead."""
    names = ", ".join(repr(name[:100]) for name in served[:5]) + (", ..." if len(served) > 5 else "")
    return f"serves {names}, not {expected!r}; if that is the same model, say served_as:"
