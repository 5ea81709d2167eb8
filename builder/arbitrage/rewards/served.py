"""A reward behind endpoints: who it is, what its scores are named by, and its endpoints."""

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

from arbitrage.errors import RewardError
from arbitrage.identity import content_id
from arbitrage.recipe.part import Price
from arbitrage.records import Most, Prompt
from arbitrage.rewards.scored import Scored
from arbitrage.spend import reward_account, usd
from arbitrage.teachers.clock import Clock
from arbitrage.teachers.endpoint import Endpoint, open_session
from arbitrage.teachers.failure import ADVICE, STOPS_TEACHER, Failed, Kind
from arbitrage.teachers.identity import UNVERIFIED, Who
from arbitrage.teachers.wire import Request


class Wire(Protocol):
    """How to talk to one kind of server."""

    model: str
    pinned: str | None
    """The revision that the recipe names."""

    @property
    def template(self) -> str:
        """What decides a score beside the model and the texts."""

    @property
    def how(self) -> str:
        """How it scores, in a few words."""

    async def who(self, endpoint: Endpoint) -> Who:
        """Ask an endpoint who it is."""

    def request(self, prompt: Prompt, completion: str) -> Request:
        """Return the request for one score."""

    def most(self, request: Request) -> Most:
        """Return the most tokens of a request and of its answer."""

    def read(self, body: object, headers: Mapping[str, str]) -> Scored:
        """Read a success."""

    def outcome(self, failure: Failed) -> Scored | None:
        """Return what a failure says for ever: that this cannot be scored; None where it may come to a score yet."""

    def memory(self) -> dict[str, Any]:
        """Return what has to be known of the server while it does not answer."""

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Take what was known when it last answered."""


class ServedReward:
    """A reward of the recipe that is asked over the wire."""

    def __init__(
        self,
        name: str,
        wire: Wire,
        urls: list[str],
        token: str | None,
        price: Price | None,
        concurrency: int,
        deadline: float,
    ) -> None:
        self.name = name
        self.wire = wire
        self.model = wire.model
        self.revision: str | None = wire.pinned
        """None while nobody has answered yet and nothing is known."""
        self.price = price
        self.deadline = deadline
        self.clock = Clock()
        self.endpoints = [Endpoint(url, token, concurrency, deadline) for url in urls]
        self.failed: dict[str, Failed] = {}
        """Completions that this build could not get a score for, and why."""
        self.stopped_by: Failed | None = None
        """Why the rest was given up."""

    @property
    def how(self) -> str:
        """How it scores, in a few words."""
        return self.wire.how

    @property
    def account(self) -> str:
        """What the store and messages call it where it is paid."""
        return reward_account(self.name)

    @property
    def in_flight(self) -> int:
        """Requests that wait for an answer."""
        return sum(endpoint.in_flight for endpoint in self.endpoints)

    def active(self, now: float) -> float:
        """Return how many seconds this build has asked it."""
        return self.clock.at(now)

    def most(self, prompt: Prompt, completion: str) -> Most:
        """Return the most tokens of asking for one score."""
        return self.wire.most(self.wire.request(prompt, completion))

    def most_usd(self, prompt: Prompt, completion: str) -> float:
        """Return the most that one score can cost by tokens, as far as the recipe has a price."""
        return usd(self.price, *self.most(prompt, completion)) or 0.0

    @property
    def known_as(self) -> str:
        """What tells it from another model under the same name in the recipe."""
        return f"{self.model}@{self.wire.pinned or ''}"

    @property
    def score_key(self) -> str:
        """The identity of this reward's scores, apart from the completions'."""
        return content_id("score", model=self.model, revision=self.revision or UNVERIFIED, template=self.wire.template)

    def key(self, prompt: Prompt) -> str:
        """Return the identity of its score for a prompt's completion: the same for all."""
        return self.score_key

    def memory(self) -> dict[str, Any]:
        """Return what has to be known of it while nobody answers."""
        return {"revision": self.revision, **self.wire.memory()}

    def recall(self, memory: Mapping[str, Any]) -> None:
        """Take what was known when somebody last answered."""
        self.revision = self.wire.pinned or memory.get("revision")
        self.wire.recall(memory)

    def identify(self) -> None:
        """Ask every endpoint who it is; those that do not answer are parked.

        Raises:
            RewardError: an endpoint serves another model, or lets nobody in.
        """
        asyncio.run(self._identify())

    async def _identify(self) -> None:
        async with open_session() as session:
            for endpoint in self.endpoints:
                endpoint.session = session
            found = await asyncio.gather(*(self._ask(endpoint) for endpoint in self.endpoints))
        revisions = {who.revision for who in found if who is not None and who.revision is not None}
        if len(revisions) > 1:
            raise RewardError(
                f"rewards.{self.name}: its endpoints serve different revisions of {self.model} "
                f"({', '.join(sorted(revisions))}): serve one"
            )
        if any(who is not None for who in found):
            self.revision = self.wire.pinned or next(iter(revisions), UNVERIFIED)

    async def _ask(self, endpoint: Endpoint) -> Who | None:
        try:
            who = await self.wire.who(endpoint)
        except Failed as failure:
            if failure.kind in STOPS_TEACHER or failure.kind is Kind.NOT_FOUND:
                said = endpoint.clean(failure.message)
                advice = ADVICE[failure.kind]
                raise RewardError(f"rewards.{self.name}: {endpoint.shown}: {said} ({advice})") from None
            endpoint.park(failure)
            return None
        self._accept(endpoint, who)
        return who

    async def probe(self, endpoint: Endpoint) -> None:
        """Ask a parked endpoint who it is; let a request through where it is who it should be.

        Raises:
            Failed: it is still down (parked again), or it is somebody else now.
        """
        before = self.wire.template
        try:
            who = await self.wire.who(endpoint)
        except Failed as failure:
            failure.message = endpoint.clean(failure.message)
            endpoint.park(failure)
            raise
        if self.revision is None:
            self.revision = self.wire.pinned or who.revision or UNVERIFIED
        elif self.wire.template != before or (not self.wire.pinned and (who.revision or UNVERIFIED) != self.revision):
            raise Failed(Kind.IDENTITY, "came back as another model; run the command again to ask it")
        self._accept(endpoint, who)
        endpoint.unpark()

    @staticmethod
    def _accept(endpoint: Endpoint, who: Who) -> None:
        endpoint.revision = who.revision
        if who.max_concurrent is not None:
            endpoint.limit.lower_ceiling(who.max_concurrent)

    @property
    def is_down(self) -> bool:
        """Whether no endpoint is known to work."""
        return not any(endpoint.is_healthy for endpoint in self.endpoints)

    @property
    def trouble(self) -> Failed:
        """Why it is down."""
        found = [endpoint.last_failure for endpoint in self.endpoints if endpoint.last_failure]
        return self.stopped_by or (found[0] if found else Failed(Kind.CONNECTION, "it was never asked"))


def root_of(url: str) -> str:
    """Return the server's root: routes for scores stand beside `/v1`, not under it."""
    return url.removesuffix("/v1") if urlsplit(url).path.endswith("/v1") else url
