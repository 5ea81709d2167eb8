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
from arbitrage.teachers.behind import BehindEndpoints
from arbitrage.teachers.clock import Clock
from arbitrage.teachers.endpoint import Endpoint, open_session
from arbitrage.teachers.failure import STOPS_TEACHER, Failed, Kind
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


class ServedReward(BehindEndpoints):
    """A reward of the recipe that is asked over the wire."""

    stops = STOPS_TEACHER | {Kind.NOT_FOUND}

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
        self.model, self.pinned = wire.model, wire.pinned
        self.revision = self.pinned
        self.price = price
        self.deadline = deadline
        self.clock = Clock()
        self.endpoints = [Endpoint(url, token, concurrency, deadline) for url in urls]
        self.failed: dict[str, Failed] = {}
        """Completions that this build could not get a score for, and why."""
        self.stopped_by = None

    @property
    def how(self) -> str:
        """How it scores, in a few words."""
        return self.wire.how

    @property
    def account(self) -> str:
        """What the store and messages call it where it is paid."""
        return reward_account(self.name)

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
        return f"{self.model}@{self.pinned or ''}"

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
        self.revision = self.pinned or memory.get("revision")
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
            await self.ask_all()

    async def who(self, endpoint: Endpoint) -> Who:
        """Ask an endpoint who it is.

        Raises:
            Failed: it does not answer, lets nobody in, or is somebody else.
        """
        return await self.wire.who(endpoint)

    @property
    def manner(self) -> str:
        """What decides a score beside the model: it follows from the routes that a server has."""
        return self.wire.template

    def refusal(self, said: str) -> RewardError:
        """Return the error that says why it cannot be asked."""
        return RewardError(f"rewards.{self.name}: {said}")


def root_of(url: str) -> str:
    """Return the server's root: routes for scores stand beside `/v1`, not under it."""
    return url.removesuffix("/v1") if urlsplit(url).path.endswith("/v1") else url
